#pragma once
/// \file
/// The schedule of a ring: which shard of K and V each rank holds at each step. Pure functions, no data.
///
/// At step t rank p holds the shard of rank (p - t) mod R; between steps every rank hands what it holds to the next
/// one. After R steps each has seen every shard once (Liu et al., Ring Attention, arXiv:2310.01889, alg. 1).

#include "reference/ring/shard.hpp"

#include <vector>

namespace dra {

/// The part of a rank in one step.
struct RingStep {
    Index owner;  ///< the rank whose K and V it holds
    bool needed;  ///< whether any of its queries sees any of them
    bool hand_on; ///< whether it hands them to the next rank and receives from the one before: all steps but the last
};

/// The rank whose K and V `rank` holds at `step`.
constexpr Index owner_at(const Problem& problem, Index rank, Index step) {
    return (rank - step + problem.ranks) % problem.ranks;
}

/// The R steps of one rank.
std::vector<RingStep> ring_schedule(const Problem& problem, Index rank);

/// The steps of one rank at which some query of it sees some key, under any pattern of any head, ascending; `all` are
/// the problem's holdings. It walks from shard to shard along the keys that are seen: the cost is that of what is
/// found, for every segment and head, whatever R is; and none where the rank has no token.
std::vector<Index> needed_steps(const Problem& problem, const std::vector<Holding>& all, Index rank);

/// The steps at which a rank has work.
struct Turns {
    Index rank;
    Positions steps;
};

/// The needed steps of all ranks, a few arithmetic progressions per rank: dilation is a stride here too.
std::vector<Turns> turns(const Problem& problem);

} // namespace dra
