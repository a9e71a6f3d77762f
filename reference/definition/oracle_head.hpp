#pragma once
/// \file
/// One head of the oracle: attention of its rows, one after another, and what its gradients are made of. Not installed.

#include "reference/definition/oracle.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/team_size.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace dra {

/// The segment that selects each token, or `unselected`.
using Segments = std::vector<Index>;

inline constexpr Index unselected = -1;

/// Whether a query and a key are selected in one segment.
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
template <class T> struct GivenTensors {
    InputsView<T> inputs;
    std::optional<TensorView<const T>> dout;
};

/// Attention of one (batch, query head), in double; in long double where the result needs scores or sums that double
/// does not hold.
template <class Real> class OracleHead {
public:
    using Matrix = RowMajor<Real>;
    using RowArray = Eigen::Array<Real, 1, Eigen::Dynamic>;
    using Column = Eigen::ArrayX<Real>;

    const Problem& problem;
    const Index b, h;
    const std::vector<Segments>& segments; ///< those of each pattern that the head uses
    const Real scale;
    const Index N;
    const Matrix Q, K, V; ///< (N, D)
    Matrix out;           ///< (N, D)
    Column lse;           ///< (N)
    Column maximum, sum;  ///< (N), a row's largest score and the sum of its exponentials

    template <class T> OracleHead(const Problem& asked, Index batch, Index head, const std::vector<Segments>& used,
                                  const GivenTensors<T>& given)
        : problem(asked), b(batch), h(head), segments(used), scale(problem.softmax_scale), N(problem.tokens),
          Q(rows_of(given.inputs.q, b, h)), K(rows_of(given.inputs.k, b, kv_head())),
          V(rows_of(given.inputs.v, b, kv_head())), out(Matrix::Zero(N, Q.cols())), lse(Column::Constant(N, -infinity)),
          maximum(Column::Zero(N)), sum(maximum), largest_score_(maximum) {
#pragma omp parallel num_threads(team())
        {
            std::vector<Pair> seen;
#pragma omp for schedule(dynamic, rows_of_thread)
            for (Index i = 0; i < N; ++i) run_query(i, seen);
        }
    }

    /// The rows of one head.
    template <class T> static Matrix rows_of(TensorView<const T> x, Index b, Index h) {
        const auto [batch, token, head] = x.strides();
        const T* const first = x.data() + b * batch + h * head;
        return Rows<T>(first, x.shape().tokens, x.shape().head_dim, Eigen::OuterStride<>(token)).template cast<Real>();
    }

    Index kv_head() const { return h / (problem.heads / problem.kv_heads); }

    /// Whether all that it computed is finite.
    bool finite() const {
        bool all = std::isfinite(magnitudes().score) && out.allFinite();
        for (Index n = 0; n < N; ++n) all = all && (std::isfinite(lse[n]) || lse[n] == -infinity);
        return all;
    }

    Magnitudes magnitudes() const {
        Magnitudes largest{.score = largest_score_.maxCoeff()};
        for (Index n = 0; n < N; ++n) {
            if (times_seen(n, n) == 0) continue; // a token sees itself unless no pattern selects it
            largest.query = std::max(largest.query, static_cast<double>(Q.row(n).cwiseAbs().maxCoeff()));
            largest.key = std::max(largest.key, static_cast<double>(K.row(n).cwiseAbs().maxCoeff()));
        }
        return largest;
    }

    /// Rows that a thread takes at once.
    static constexpr Index rows_of_thread = 16;

    /// The threads of a team: below 64 rows starting them takes longer than the rows.
    int team() const { return N > 64 ? threads_for((N + rows_of_thread - 1) / rows_of_thread) : 1; }

    /// A key that a query sees, `times` over, with its scaled score, and what dropout multiplies its weight by.
    struct Pair {
        Index key;
        Real times, score, kept;
    };

    Pair pair(Index i, Index j, Real times) const { return {j, times, scale * Q.row(i).dot(K.row(j)), kept(i, j)}; }

    /// The pairs of a query, in the order of their keys.
    void find_seen(Index i, std::vector<Pair>& seen) const {
        seen.clear();
        for (Index j = 0; j < N; ++j)
            if (const Real times = times_seen(i, j); times > 0) seen.push_back(pair(i, j, times));
    }

    Index patterns() const { return static_cast<Index>(segments.size()); }

    bool sees(Index pattern, Index i, Index j) const {
        const Segments& segment = segments[pattern];
        return (!problem.causal || j <= i) && joins(segment[i], segment[j]);
    }

    Real times_seen(Index i, Index j) const {
        Real times = 0;
        for (Index pattern = 0; pattern < patterns(); ++pattern) times += sees(pattern, i, j);
        return times;
    }

    /// A pair's e^(s - maximum), and its weight, not yet divided by the sum.
    Real exponential(Index i, const Pair& pair) const { return std::exp(pair.score - maximum[i]); }
    Real weight(Index i, const Pair& pair) const { return pair.times * exponential(i, pair); }

private:
    static constexpr Real infinity = std::numeric_limits<Real>::infinity();

    Real kept(Index i, Index j) const {
        if (problem.dropout == 0) return 1;
        const double least = std::floor(problem.dropout * 4294967296.0);
        return dropout_word(problem.dropout_seed, b, h, i, j) >= least ? 1 / (1 - Real(problem.dropout)) : 0;
    }

    void run_query(Index i, std::vector<Pair>& seen) {
        find_seen(i, seen);
        if (seen.empty()) return;
        maximum[i] = -infinity;
        for (const Pair& pair : seen) {
            maximum[i] = std::max(maximum[i], pair.score);
            largest_score_[i] = std::max(largest_score_[i], std::abs(pair.score));
        }
        CompensatedSum<Real> weights;
        CompensatedSum<RowArray> weighted_v(RowArray::Zero(V.cols()));
        for (const Pair& pair : seen) {
            const Real e = weight(i, pair);
            weights.add(e);
            weighted_v.add(e * pair.kept * V.row(pair.key).array());
        }
        out.row(i) = weighted_v.sum / weights.sum;
        lse[i] = maximum[i] + std::log(weights.sum);
        sum[i] = weights.sum;
    }

    Column largest_score_; // (N)
};

/// What one head adds to the gradients, and the largest |dP| on the way.
template <class Real> struct OracleHeadGradient {
    RowMajor<Real> dq, dk, dv; // (N, D)
    Real largest_dp = 0;

    bool finite() const {
        return std::isfinite(static_cast<Magnitude>(largest_dp)) && dq.allFinite() && dk.allFinite() && dv.allFinite();
    }
};

/// The gradients of one head, from its rows of dout (N, D). Defined in oracle_gradient.cpp for double and long double.
template <class Real> OracleHeadGradient<Real> gradient_of(const OracleHead<Real>& head, const RowMajor<Real>& dout);

} // namespace dra
