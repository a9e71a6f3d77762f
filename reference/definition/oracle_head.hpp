#pragma once
/// \file
/// One head of the oracle: its rows one after another, then its keys. Not installed.

#include "reference/definition/oracle.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/team_size.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace dra {

using Segments = std::vector<Index>; // of every token: the segment that selects it, or `unselected`

inline constexpr Index unselected = -1;

inline bool joins(Index segment_of_query, Index segment_of_key) {
    return segment_of_query != unselected && segment_of_query == segment_of_key;
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

/// The tensors of a call.
template <class T> struct Given {
    TensorView<const T> q, k, v;
    std::optional<TensorView<const T>> dout;
};

/// One (batch, query head): its rows one after another, then its keys. In double; in long double where the result needs
/// scores or sums that double does not hold.
template <class Real> class OracleHead {
public:
    template <class T>
    OracleHead(const Problem& problem, Index b, Index h, const std::vector<Segments>& segments, const Given<T>& given)
        : problem_(problem), b_(b), h_(h), segments_(segments), causal_(problem.causal),
          stop_mixing_(problem.stop_gradient_mixing), scale_(problem.softmax_scale), N_(problem.tokens),
          D_(problem.head_dim), Q_(rows_of(given.q, b, h)), K_(rows_of(given.k, b, kv_head())),
          V_(rows_of(given.v, b, kv_head())), dO_(given.dout ? rows_of(*given.dout, b, h) : Matrix()) {
        run_queries();
        if (given.dout) run_keys();
    }

    using Matrix = RowMajor<Real>;
    using RowArray = Eigen::Array<Real, 1, Eigen::Dynamic>;
    using Column = Eigen::ArrayX<Real>;

    Index kv_head() const { return h_ / (problem_.heads / problem_.kv_heads); }

    /// Whether all that it computed is.
    bool finite() const {
        const Magnitudes largest = magnitudes();
        bool all = std::isfinite(largest.score) && std::isfinite(largest.dp);
        for (Index n = 0; n < N_; ++n) all = all && (std::isfinite(lse[n]) || lse[n] == -infinity);
        for (const Matrix* x : {&out, &dq, &dk, &dv}) all = all && x->allFinite();
        return all;
    }

    Magnitudes magnitudes() const {
        Magnitudes largest{.score = largest_score_.maxCoeff(), .dp = largest_dp_.maxCoeff()};
        for (Index n = 0; n < N_; ++n) {
            if (times_seen(n, n) == 0) continue; // a token sees itself unless no pattern selects it
            largest.query = std::max(largest.query, static_cast<double>(Q_.row(n).cwiseAbs().maxCoeff()));
            largest.key = std::max(largest.key, static_cast<double>(K_.row(n).cwiseAbs().maxCoeff()));
        }
        return largest;
    }

    Matrix out, dq, dk, dv; // (N, D)
    Column lse;             // (N)

private:
    static constexpr Real infinity = std::numeric_limits<Real>::infinity();
    static constexpr Index rows_of_thread = 16; // that it takes at once

    /// Below 64 rows starting threads takes longer than the rows.
    int team() const { return N_ > 64 ? threads_for((N_ + rows_of_thread - 1) / rows_of_thread) : 1; }

    /// The rows of one head.
    template <class T> static Matrix rows_of(TensorView<const T> x, Index b, Index h) {
        const auto [B, N, H, D] = x.shape();
        return Rows<T>(x.data() + (b * N * H + h) * D, N, D, Eigen::OuterStride<>(H * D)).template cast<Real>();
    }

    /// out, lse, and dq where there is a dout.
    void run_queries() {
        out = Matrix::Zero(N_, D_);
        dq = Matrix::Zero(dO_.rows(), D_);
        lse = Column::Constant(N_, -infinity);
        maximum_ = sum_ = largest_score_ = largest_dp_ = Column::Zero(N_);
        delta_ = Eigen::ArrayXX<Real>::Zero(N_, patterns());
#pragma omp parallel num_threads(team())
        {
            std::vector<Pair> seen;
#pragma omp for schedule(dynamic, rows_of_thread)
            for (Index i = 0; i < N_; ++i) run_query(i, seen);
        }
    }

    /// dk and dv: what this head adds to those of its KV head. Needs run_queries() before.
    void run_keys() {
        dk = dv = Matrix::Zero(N_, D_);
#pragma omp parallel for schedule(dynamic, rows_of_thread) num_threads(team())
        for (Index j = 0; j < N_; ++j) run_key(j);
    }

    /// A key that a query sees, `times` over, with its scaled score, what dropout multiplies its weight by, and dP, of
    /// the weight before.
    struct Pair {
        Index key;
        Real times, score, kept, dp;
    };

    Real kept(Index i, Index j) const {
        if (problem_.dropout == 0) return 1;
        const double least = std::floor(problem_.dropout * 4294967296.0);
        return dropout_word(problem_.dropout_seed, b_, h_, i, j) >= least ? 1 / (1 - Real(problem_.dropout)) : 0;
    }

    Index patterns() const { return static_cast<Index>(segments_.size()); }

    bool sees(Index pattern, Index i, Index j) const {
        const Segments& segment = segments_[static_cast<std::size_t>(pattern)];
        return (!causal_ || j <= i) &&
               joins(segment[static_cast<std::size_t>(i)], segment[static_cast<std::size_t>(j)]);
    }

    Real times_seen(Index i, Index j) const {
        Real times = 0;
        for (Index pattern = 0; pattern < patterns(); ++pattern) times += sees(pattern, i, j);
        return times;
    }

    Pair pair(Index i, Index j, Real times) const {
        const Real factor = kept(i, j);
        return {j, times, scale_ * Q_.row(i).dot(K_.row(j)), factor,
                dO_.rows() > 0 ? factor * dO_.row(i).dot(V_.row(j)) : 0};
    }

    Real exponential(Index i, const Pair& pair) const { return std::exp(pair.score - maximum_[i]); }
    Real weight(Index i, const Pair& pair) const { return pair.times * exponential(i, pair); }

    /// dP less its mean, times the weight, over the patterns that join the pair; not yet divided by the sum.
    Real score_gradient(Index i, const Pair& pair) const {
        if (!stop_mixing_) return weight(i, pair) * (pair.dp - delta_(i, 0)); // the same through each of them
        Real through_patterns = 0;
        for (Index pattern = 0; pattern < patterns(); ++pattern)
            if (sees(pattern, i, pair.key)) through_patterns += pair.dp - delta_(i, pattern);
        return exponential(i, pair) * through_patterns;
    }

    /// The mean of dP by the weights: of all pairs, or for each pattern of its own where its share is held constant.
    void find_delta(Index i, const std::vector<Pair>& seen) {
        const auto mean = [&](auto times) {
            CompensatedSum<Real> sum, weighted_dp;
            for (const Pair& pair : seen) {
                sum.add(times(pair) * exponential(i, pair));
                weighted_dp.add(times(pair) * exponential(i, pair) * pair.dp);
            }
            return sum.sum > 0 ? weighted_dp.sum / sum.sum : Real(0);
        };
        delta_.row(i) = mean([](const Pair& pair) { return pair.times; });
        if (!stop_mixing_) return;
        for (Index pattern = 0; pattern < patterns(); ++pattern)
            delta_(i, pattern) = mean([&](const Pair& pair) { return Real(sees(pattern, i, pair.key)); });
    }

    void run_query(Index i, std::vector<Pair>& seen) {
        seen.clear();
        for (Index j = 0; j < N_; ++j)
            if (const Real times = times_seen(i, j); times > 0) seen.push_back(pair(i, j, times));
        if (seen.empty()) return;

        maximum_[i] = -infinity;
        for (const Pair& pair : seen) {
            maximum_[i] = std::max(maximum_[i], pair.score);
            largest_score_[i] = std::max(largest_score_[i], std::abs(pair.score));
            largest_dp_[i] = std::max(largest_dp_[i], std::abs(pair.dp));
        }
        CompensatedSum<Real> sum;
        CompensatedSum<RowArray> weighted_v(RowArray::Zero(D_));
        for (const Pair& pair : seen) {
            const Real e = weight(i, pair);
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
            const Real times = times_seen(i, j);
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
    const Real scale_;
    const Index N_, D_;
    const Matrix Q_, K_, V_, dO_;                       // (N, D); dO is empty when there is none
    Column maximum_, sum_, largest_score_, largest_dp_; // (N)
    Eigen::ArrayXX<Real> delta_;                        // (N, patterns)
};

} // namespace dra
