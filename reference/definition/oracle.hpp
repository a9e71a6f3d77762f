#pragma once
/// \file
/// The oracle: attention straight from its definition, in float64, by brute force.
///
/// What float64 does not hold on the way to a result that it does is computed in long double. It shares no arithmetic
/// with what it judges: who sees whom is asked pair by pair with division and remainder, never through positions,
/// extents, views or merges. O(B H N^2 D) time, O(N) memory per thread. It runs on all cores; every row is summed in
/// one fixed order, so results do not depend on the number of threads.

#include "reference/definition/problem.hpp"

#include <optional>

namespace dra {

/// A product of numbers of double, which need not fit into it where a result does.
using Magnitude = Extended<double>;

/// Magnitudes of one (batch, head), which say how exact a result can be; see tolerance.hpp.
struct Magnitudes {
    Magnitude score = 0; ///< max |s| over visible pairs, s = scale * q k^T
    Magnitude dp = 0;    ///< max |dP| over visible pairs, dP = dout v^T (and its factor of dropout)
    double query = 0;    ///< max |Q| over rows that see a key
    double key = 0;      ///< max |K| over rows that are seen
};

/// The truth about one problem.
struct Oracle {
    Attention<double> attention;
    std::optional<Gradients<double>> gradients; ///< present when dout was given
    std::vector<Magnitudes> magnitudes;         ///< those of (b, h) at b * H + h

    /// The magnitudes of (b, h).
    const Magnitudes& of(Index b, Index h) const { return magnitudes[b * attention.out.shape().heads + h]; }
};

/// How often query i sees key j in KV head g: 0, or the number of patterns that join them.
Index times_seen(const Problem& problem, Index kv_head, Index i, Index j);

/// The out and lse of a problem; with `dout` [B, N, H, D], also its exact gradients, mixing weights differentiated (or
/// held constant, as problem.stop_gradient_mixing asks: then delta_i is the mean over the keys of the pattern that a
/// pair is seen through).
///
///     out_i = sum_j p_ij v_j,   p_ij = m_ij e^(s_ij - lse_i),   lse_i = log sum_j m_ij e^(s_ij),   m_ij = times_seen
///     out_i = sum_j p_ij kept_ij v_j under dropout, kept_ij = 0 or 1 / (1 - p), and then dP_ij has the same factor
///     dS = p (dP - delta), delta_i = sum_j p_ij dP_ij;   dq = scale dS K,   dk = scale dS^T Q,   dv = P^T dout
///
/// In mixture mode m_ij counts patterns, which is LongNet's mixture by softmax denominators (arXiv:2307.02486, eq. 10)
/// written as one softmax. Instantiated for float and double.
template <class T> Oracle oracle(const Problem& problem, const InputsView<T>& inputs,
                                 std::optional<TensorView<const T>> dout = std::nullopt);

} // namespace dra
