#pragma once
/// \file
/// The schedule of a ring: which shard of K and V each rank holds at each step. Pure functions, no data.
///
/// At step t rank p holds the shard of rank (p - t) mod R; between steps every rank hands what it holds to the next
/// one. After R steps each has seen every shard once (Liu et al., Ring Attention, arXiv:2310.01889, alg. 1).

#include "reference/ring/shard.hpp"

#include <vector>

namespace dra {

/// What a rank does at a step.
struct RingStep {
    Index owner;  ///< whose K and V it holds
    bool needed;  ///< whether any of its queries sees any of them
    bool hand_on; ///< whether it hands them to the next rank and receives from the one before: all steps but the last
};

/// Step `step` of one rank of problem.ranks, in problem.layout. Cost: that of any_visible.
RingStep ring_step(const Problem& problem, Index rank, Index step);

/// The R steps of one rank.
std::vector<RingStep> ring_schedule(const Problem& problem, Index rank);

/// Whether some query in `queries` sees some key in `keys`, under any pattern of any head. O(segments that the queries lie in).
bool any_visible(const Problem& problem, const Interval& queries, const Interval& keys);

} // namespace dra
