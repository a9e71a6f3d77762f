#pragma once
/// \file
/// Causality is arithmetic: one extent a row, and tile classes by comparing corners. No mask is ever stored.

#include "reference/definition/positions.hpp"

namespace dra {

/// What a tile of scores needs: nothing at all, a comparison an element, or no causal work.
enum class TileClass { empty, edge, full };

/// Which of `keys` each of `queries` sees: row i the first extent(i) of them.
///
///     extent(i) = clamp(floor((q_i - k_0) / s_k) + 1, 0, n_k),    q_i = q_0 + i s_q
///
/// Positions are original ones; judging by the index after dilation is defect `causal-on-dilated-index`.
struct Visibility {
    Positions queries;
    Positions keys;
    bool causal = false;

    /// Keys that row i sees: the first so many. Grows with i. O(1).
    constexpr Index extent(Index i) const { return causal ? keys.below(queries[i] + 1) : keys.count; }

    /// Whether some query sees some key. O(1).
    constexpr bool any() const { return !queries.empty() && extent(queries.count - 1) > 0; }

    /// The class of rows [i0, i1), keys [j0, j1), neither range empty. O(1): rows see more the later they are.
    constexpr TileClass tile(Index i0, Index i1, Index j0, Index j1) const {
        if (extent(i1 - 1) <= j0) return TileClass::empty;
        return extent(i0) >= j1 ? TileClass::full : TileClass::edge;
    }

    /// Pairs (query, key) that are visible: the FLOPs of attention are 4 D times these. O(rows).
    constexpr Index pairs() const {
        Index total = 0;
        for (Index i = 0; i < queries.count; ++i) total += extent(i);
        return total;
    }
};

} // namespace dra
