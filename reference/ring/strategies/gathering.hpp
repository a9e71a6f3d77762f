#pragma once
/// \file
/// Strategies that gather rows of K and V: every rank computes the rows of its own queries, and keeps what it was sent.
/// Not installed.

#include "reference/ring/strategies/drafting.hpp"

namespace dra::strategies {

/// Rows of K and V that travel together, from their owner to one rank after another.
struct Bundle {
    Index owner;
    Part part;
    std::vector<Index> route; ///< the ranks that need them, in the order in which they hand them on
};

/// When transfers are started and awaited.
enum class Posting {
    at_once,  ///< one transfer, awaited before there is any work
    together, ///< one transfer per owner, all started before the work on the rank's own keys, awaited one by one
    hops,     ///< one transfer per hop, started when the one before is there
};

/// The itinerary of a rank, given the bundles of all ranks. Attention visits the keys of each transfer while the next
/// one is under way. For gradients the rows are still there; dk and dv go straight back to the owners, one transfer per
/// owner, which adds what comes back to its own, in the order of the ranks that it comes from.
Itinerary gather(const Problem& problem, Index rank, const std::vector<Bundle>& bundles, Posting posting,
                 bool gradient);

} // namespace dra::strategies
