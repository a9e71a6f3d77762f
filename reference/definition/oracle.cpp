#include "reference/definition/oracle.hpp"

#include "reference/definition/random.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace dra {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Index unselected = -1;
constexpr Index rows_worth_a_team = 64; // below, starting threads takes longer than the rows

using RowArray = Eigen::Array<double, 1, Eigen::Dynamic>;
using Segments = std::vector<Index>; // of every token: the segment that selects it, or `unselected`

/// The pattern that KV head g uses in groups mode, found by counting the heads off group by group.
Index group_of(const Problem& problem, Index kv_head) {
    const Index groups = problem.patterns(), remainder = problem.kv_heads % groups;
    Index group = 0, counted = 0;
    for (;; ++group) {
        counted += problem.kv_heads / groups + (group >= groups - remainder ? 1 : 0);
        if (kv_head < counted) return group;
    }
}

/// The segment in which KV head g selects token n under a pattern, or `unselected`.
Index segment_of(const Problem& problem, Index pattern, Index kv_head, Index n) {
    if (problem.mode == Mode::groups && pattern != group_of(problem, kv_head)) return unselected;
    const Index w = problem.segment_lengths[static_cast<std::size_t>(pattern)];
    const Index r = problem.dilation_rates[static_cast<std::size_t>(pattern)];
    Index o = pattern % r;
    if (problem.phase == PhaseRule::head) o = kv_head % r;
    if (problem.phase == PhaseRule::head_block) o = kv_head / ((problem.kv_heads + r - 1) / r);
    const Index from_phase = n % w - o;
    return from_phase >= 0 && from_phase % r == 0 ? n / w : unselected;
}

bool joins(Index segment_of_query, Index segment_of_key) {
    return segment_of_query != unselected && segment_of_query == segment_of_key;
}

/// segment_of() every token, a list a pattern: what is asked N times a pair is divided once.
std::vector<Segments> segments_of(const Problem& problem, Index kv_head) {
    std::vector<Segments> patterns;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        Segments& segments = patterns.emplace_back();
        for (Index n = 0; n < problem.tokens; ++n) segments.push_back(segment_of(problem, pattern, kv_head, n));
    }
    return patterns;
}

/// Kahan's sum, of numbers or of arrays: its error does not grow with the number of terms.
template <class T> struct CompensatedSum {
    T sum, lost, next, term;

    explicit CompensatedSum(const T& zero = {}) : sum(zero), lost(zero), next(zero), term(zero) {}
    void add(const auto& x) {
        term = x - lost;
        next = sum + term;
        lost = (next - sum) - term;
        std::swap(sum, next);
    }
};

/// The rows of one head, in double.
template <class T> RowMajor<double> rows_of(TensorView<const T> x, Index b, Index h) {
    const auto [B, N, H, D] = x.shape();
    return Rows<T>(x.data() + (b * N * H + h) * D, N, D, Eigen::OuterStride<>(H * D)).template cast<double>();
}

/// One (batch, query head): its rows one after another, then its keys.
class Head {
public:
    Head(const Problem& problem, Index b, Index h, const std::vector<Segments>& segments, RowMajor<double> queries,
         const RowMajor<double>& keys, const RowMajor<double>& values, RowMajor<double> dout)
        : problem_(problem), b_(b), h_(h), segments_(segments), causal_(problem.causal),
          stop_mixing_(problem.stop_gradient_mixing), scale_(problem.softmax_scale), N_(problem.tokens),
          D_(problem.head_dim), Q_(std::move(queries)), K_(keys), V_(values), dO_(std::move(dout)) {}

    /// out, lse, and dq where there is a dout.
    void run_queries() {
        out = RowMajor<double>::Zero(N_, D_);
        dq = RowMajor<double>::Zero(dO_.rows(), D_);
        lse = Eigen::ArrayXd::Constant(N_, -infinity);
        maximum_ = sum_ = largest_score_ = largest_dp_ = Eigen::ArrayXd::Zero(N_);
        delta_ = Eigen::ArrayXXd::Zero(N_, patterns());
#pragma omp parallel if (N_ > rows_worth_a_team)
        {
            std::vector<Pair> seen;
#pragma omp for schedule(dynamic, 16)
            for (Index i = 0; i < N_; ++i) run_query(i, seen);
        }
    }

    /// dk and dv: what this head adds to those of its KV head. Needs run_queries() before.
    void run_keys() {
        dk = dv = RowMajor<double>::Zero(N_, D_);
#pragma omp parallel for schedule(dynamic, 16) if (N_ > rows_worth_a_team)
        for (Index j = 0; j < N_; ++j) run_key(j);
    }

    Magnitudes magnitudes() const {
        Magnitudes largest{.score = largest_score_.maxCoeff(), .dp = largest_dp_.maxCoeff()};
        for (Index n = 0; n < N_; ++n) {
            if (times_seen(n, n) == 0) continue; // a token sees itself unless no pattern selects it
            largest.query = std::max(largest.query, Q_.row(n).cwiseAbs().maxCoeff());
            largest.key = std::max(largest.key, K_.row(n).cwiseAbs().maxCoeff());
        }
        return largest;
    }

    RowMajor<double> out, dq, dk, dv; // (N, D)
    Eigen::ArrayXd lse;               // (N)

private:
    /// A key that a query sees, `times` over, with its scaled score, what dropout multiplies its weight by, and dP, of
    /// the weight before.
    struct Pair {
        Index key;
        double times, score, kept, dp;
    };

    double kept(Index i, Index j) const {
        if (problem_.dropout == 0) return 1;
        const double least = std::floor(problem_.dropout * 4294967296.0);
        return dropout_word(problem_.dropout_seed, b_, h_, i, j) >= least ? 1 / (1 - problem_.dropout) : 0;
    }

    Index patterns() const { return static_cast<Index>(segments_.size()); }

    bool sees(Index pattern, Index i, Index j) const {
        const Segments& segment = segments_[static_cast<std::size_t>(pattern)];
        return (!causal_ || j <= i) &&
               joins(segment[static_cast<std::size_t>(i)], segment[static_cast<std::size_t>(j)]);
    }

    double times_seen(Index i, Index j) const {
        double times = 0;
        for (Index pattern = 0; pattern < patterns(); ++pattern) times += sees(pattern, i, j);
        return times;
    }

    Pair pair(Index i, Index j, double times) const {
        const double factor = kept(i, j);
        return {j, times, scale_ * Q_.row(i).dot(K_.row(j)), factor,
                dO_.rows() > 0 ? factor * dO_.row(i).dot(V_.row(j)) : 0};
    }

    double exponential(Index i, const Pair& pair) const { return std::exp(pair.score - maximum_[i]); }
    double weight(Index i, const Pair& pair) const { return pair.times * exponential(i, pair); }

    /// dP less its mean, times the weight, over the patterns that join the pair; not yet divided by the sum.
    double score_gradient(Index i, const Pair& pair) const {
        double through_patterns = 0;
        for (Index pattern = 0; pattern < patterns(); ++pattern)
            if (sees(pattern, i, pair.key)) through_patterns += pair.dp - delta_(i, pattern);
        return exponential(i, pair) * through_patterns;
    }

    /// The mean of dP by the weights: of all pairs, or for each pattern of its own where its share is held constant.
    void find_delta(Index i, const std::vector<Pair>& seen) {
        const auto mean = [&](auto times) {
            CompensatedSum<double> sum, weighted_dp;
            for (const Pair& pair : seen) {
                sum.add(times(pair) * exponential(i, pair));
                weighted_dp.add(times(pair) * exponential(i, pair) * pair.dp);
            }
            return sum.sum > 0 ? weighted_dp.sum / sum.sum : 0;
        };
        delta_.row(i) = mean([](const Pair& pair) { return pair.times; });
        if (!stop_mixing_) return;
        for (Index pattern = 0; pattern < patterns(); ++pattern)
            delta_(i, pattern) = mean([&](const Pair& pair) { return double(sees(pattern, i, pair.key)); });
    }

    void run_query(Index i, std::vector<Pair>& seen) {
        seen.clear();
        for (Index j = 0; j < N_; ++j)
            if (const double times = times_seen(i, j); times > 0) seen.push_back(pair(i, j, times));
        if (seen.empty()) return;

        maximum_[i] = -infinity;
        for (const Pair& pair : seen) {
            maximum_[i] = std::max(maximum_[i], pair.score);
            largest_score_[i] = std::max(largest_score_[i], std::abs(pair.score));
            largest_dp_[i] = std::max(largest_dp_[i], std::abs(pair.dp));
        }
        CompensatedSum<double> sum;
        CompensatedSum<RowArray> weighted_v(RowArray::Zero(D_));
        for (const Pair& pair : seen) {
            const double e = weight(i, pair);
            sum.add(e);
            weighted_v.add(e * pair.kept * V_.row(pair.key).array());
        }
        out.row(i) = weighted_v.sum / sum.sum;
        lse[i] = maximum_[i] + std::log(sum.sum);
        sum_[i] = sum.sum;
        if (dO_.rows() == 0) return;

        find_delta(i, seen);
        CompensatedSum<RowArray> weighted_k(RowArray::Zero(D_));
        for (const Pair& pair : seen) weighted_k.add(score_gradient(i, pair) * K_.row(pair.key).array());
        dq.row(i) = weighted_k.sum * (scale_ / sum_[i]);
    }

    void run_key(Index j) {
        CompensatedSum<RowArray> weighted_q(RowArray::Zero(D_)), weighted_dout(RowArray::Zero(D_));
        for (Index i = 0; i < N_; ++i) {
            const double times = times_seen(i, j);
            if (times == 0) continue;
            const Pair seen = pair(i, j, times);
            weighted_dout.add(weight(i, seen) * seen.kept / sum_[i] * dO_.row(i).array());
            weighted_q.add(score_gradient(i, seen) / sum_[i] * Q_.row(i).array());
        }
        dv.row(j) = weighted_dout.sum;
        dk.row(j) = weighted_q.sum * scale_;
    }

    const Problem& problem_;
    const Index b_, h_;
    const std::vector<Segments>& segments_;
    const bool causal_, stop_mixing_;
    const double scale_;
    const Index N_, D_;
    const RowMajor<double> Q_, &K_, &V_, dO_;                   // (N, D); dO is empty when there is none
    Eigen::ArrayXd maximum_, sum_, largest_score_, largest_dp_; // (N)
    Eigen::ArrayXXd delta_;                                     // (N, patterns)
};

/// Adds (or writes into zeros) the rows of one head.
void add_rows(Tensor<double>& to, Index b, Index h, const RowMajor<double>& rows) {
    for (Index n = 0; n < rows.rows(); ++n)
        for (Index d = 0; d < rows.cols(); ++d) to(b, n, h, d) += rows(n, d);
}

} // namespace

Index times_seen(const Problem& problem, Index kv_head, Index i, Index j) {
    if (problem.causal && j > i) return 0;
    Index times = 0;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        times += joins(segment_of(problem, pattern, kv_head, i), segment_of(problem, pattern, kv_head, j));
    return times;
}

template <class T> Oracle oracle(const Problem& problem, TensorView<const T> q, TensorView<const T> k,
                                 TensorView<const T> v, std::optional<TensorView<const T>> dout) {
    const Shape q_shape = problem.q_shape(), kv_shape = problem.kv_shape();
    Oracle truth{{Tensor<double>(q_shape, 0), Lse<double>(problem.batch, problem.heads, problem.tokens)}, {}, {}};
    if (dout) truth.gradients = {{q_shape, 0.0}, {kv_shape, 0.0}, {kv_shape, 0.0}};

    for (Index b = 0; b < problem.batch; ++b) {
        for (Index h = 0; h < problem.heads; ++h) {
            const Index g = h / (problem.heads / problem.kv_heads);
            const std::vector<Segments> segments = segments_of(problem, g);
            const RowMajor<double> K = rows_of(k, b, g), V = rows_of(v, b, g);
            Head head(problem, b, h, segments, rows_of(q, b, h), K, V,
                      dout ? rows_of(*dout, b, h) : RowMajor<double>());
            head.run_queries();
            add_rows(truth.attention.out, b, h, head.out);
            for (Index n = 0; n < problem.tokens; ++n) truth.attention.lse(b, h, n) = head.lse[n];
            truth.magnitudes.push_back(head.magnitudes());
            if (!dout) continue;
            head.run_keys();
            add_rows(truth.gradients->dq, b, h, head.dq);
            add_rows(truth.gradients->dk, b, g, head.dk);
            add_rows(truth.gradients->dv, b, g, head.dv);
        }
    }
    return truth;
}

template Oracle oracle(const Problem&, TensorView<const float>, TensorView<const float>, TensorView<const float>,
                       std::optional<TensorView<const float>>);
template Oracle oracle(const Problem&, TensorView<const double>, TensorView<const double>, TensorView<const double>,
                       std::optional<TensorView<const double>>);

} // namespace dra
