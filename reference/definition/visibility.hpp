#pragma once
/// \file
/// Causality is arithmetic: one extent per row. No mask is ever stored.

#include "reference/definition/positions.hpp"

namespace dra {

/// The keys that each query sees: row i the first extent(i) of `keys`.
///
///     extent(i) = clamp(floor((q_i - k_0) / s_k) + 1, 0, n_k),    q_i = q_0 + i s_q
///
/// Positions are original ones; judging by the index after dilation is defect `causal-on-dilated-index`.
struct Visibility {
    Positions queries;
    Positions keys;
    bool causal = false;

    /// The number of keys that row i sees, which are the first ones. It grows with i. O(1).
    constexpr Index extent(Index i) const { return causal ? keys.below(queries[i] + 1) : keys.count; }

    /// Whether some query sees some key. O(1).
    constexpr bool any() const { return !queries.empty() && extent(queries.count - 1) > 0; }

    /// The number of visible pairs: the FLOPs of attention are 4 D times these. O(rows).
    constexpr Index pairs() const {
        Index total = 0;
        for (Index i = 0; i < queries.count; ++i) total += extent(i);
        return total;
    }
};

} // namespace dra
