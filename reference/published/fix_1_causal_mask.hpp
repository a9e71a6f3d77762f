#pragma once
/// \file
/// Fix 1, the causal mask. It teaches that a faster way of writing n^2 booleans is still O(n^2): only not writing them
/// is O(n).
///
/// The report: "Fixed O(n^2) nested loops in causal mask ... new code (O(n) complexity)", "2-10x faster for long
/// sequences". The class: two Python loops over n_q x n_kv elements became a broadcast comparison of two index vectors.
/// Both write every element; only the index vectors are O(n). And every call passed offset 0, so that the loops were
/// never on the way.
///
///     mask[i, j]  =  row >= col + offset           row = i, a query's position; col + offset = j + offset, a key's
///     extent(i)   =  clamp(i - offset + 1, 0, n_kv)
///
/// | rung       | form                                             | time and memory of a chunk |
/// |------------|--------------------------------------------------|----------------------------|
/// | before     | nested scalar loops, one branch per element      | O(n_q n_kv)                |
/// | after      | one broadcast comparison                         | O(n_q n_kv)                |
/// | principled | one extent per row; tiles full, empty or on edge | O(n_q)                     |
///
/// Repaired: the published test was `row + offset >= col` with the chunk's start as offset (defect `mask-sign`); turned
/// round it costs the same. The loops run over keys outside and queries inside, because queries are contiguous in this
/// mask: that is how the vector lanes read it, so that only writing it is charged to it. With a mask every tile is
/// visited and masked, as published. Filling is serial in every rung. Without causality there is no mask in any rung.

#include "reference/definition/positions.hpp"

#include <Eigen/Core>

#include <vector>

namespace dra::published {

/// Which of the n_kv keys of a chunk each of n_q queries sees, by original positions.
struct CausalMask {
    using Dense = Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic>;

    Index n_q = 0, n_kv = 0, chunk_offset = 0;
    Dense dense;                ///< (n_q, n_kv), queries contiguous; empty in the principled rung
    std::vector<Index> extents; ///< (n_q): the first so many keys are seen; empty in the others

    /// The booleans, or extents, that were written.
    Index elements() const { return dense.size() + static_cast<Index>(extents.size()); }

    /// The pairs that it lets through.
    Index visible_pairs() const;
};

namespace fix_1 {

/// Nested scalar loops. n_q * n_kv tests, branches and writes.
CausalMask before(Index n_q, Index n_kv, Index chunk_offset);

/// A column of row indices compared with a row of column indices. n_q * n_kv tests and writes.
CausalMask after(Index n_q, Index n_kv, Index chunk_offset);

/// Row extents. n_q subtractions; the pipeline does not even store them.
CausalMask principled(Index n_q, Index n_kv, Index chunk_offset);

} // namespace fix_1
} // namespace dra::published
