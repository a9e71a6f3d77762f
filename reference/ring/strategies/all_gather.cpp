#include "reference/ring/strategies/gathering.hpp"

namespace dra::strategies {

/// Every owner sends its whole shard to everybody, and the work begins when all is there, as after a collective.
Itinerary all_gather(const Problem& problem, Index rank, bool gradient) {
    std::vector<Bundle> bundles;
    const std::vector<Index> ranks = participants(problem);
    for (const Index owner : ranks)
        for (const Index to : ranks)
            if (owner != to && (owner == rank || to == rank))
                bundles.push_back({owner, key_shard(problem, owner), {to}});
    return gather(problem, rank, bundles, Posting::at_once, gradient);
}

} // namespace dra::strategies
