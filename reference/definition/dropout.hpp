#pragma once
/// \file
/// Dropout of one (batch, query head): which pairs are kept, by position alone.
///
/// Pair (query i, key j) is kept iff dropout_word(seed, b, h, i, j) >= floor(p * 2^32), i and j being original
/// positions: every schedule, rank and thread drops the same pairs, forward and backward, and no mask is stored. What
/// is kept is divided by 1 - p; lse is that of the undropped scores.

#include "reference/definition/problem.hpp"

#include <cstdint>

namespace dra {

/// Dropout of one (batch, query head); by default there is none.
struct Dropout {
    double probability = 0;    ///< p, 0 <= p < 1
    std::uint64_t seed = 0;    ///< the key of Philox; see random.hpp
    Index batch = 0, head = 0; ///< b, and h, the query head

    Dropout() = default;
    Dropout(const Problem& problem, Index b, Index h)
        : probability(problem.dropout), seed(problem.dropout_seed), batch(b), head(h) {}

    /// Whether a pair may be dropped.
    bool drops() const { return probability > 0; }

    /// The least word whose pair is kept: floor(p * 2^32).
    std::uint32_t threshold() const { return static_cast<std::uint32_t>(probability * 0x1p32); }

    /// The factor of kept weights.
    double kept() const { return 1 / (1 - probability); }
};

} // namespace dra
