#include "reference/ring/strategies/gathering.hpp"

namespace dra::strategies {

/// Every owner sends each rank exactly the rows that its queries see: the least that can be received.
Itinerary segment_gather(const Problem& problem, Index rank, bool gradient) {
    std::vector<Bundle> bundles; // those that begin or end here
    const std::vector<Index> ranks = participants(problem);
    for (const Index owner : ranks)
        for (const Index to : ranks) {
            if (owner == to || (owner != rank && to != rank)) continue;
            for (Part& part : wanted_rows(problem, to, owner)) bundles.push_back({owner, std::move(part), {to}});
        }
    return gather(problem, rank, bundles, Posting::together, gradient);
}

} // namespace dra::strategies
