#include "reference/ring/strategy.hpp"

#include "reference/ring/shard.hpp"
#include "reference/ring/strategies/drafting.hpp"

#include <algorithm>
#include <iterator>

namespace dra {
namespace {

struct NamedStrategy {
    const char* name;
    Itinerary (*itinerary)(const Problem&, Index rank, bool gradient);
};

const NamedStrategy& entry(Strategy strategy) {
    static constexpr NamedStrategy all[] = {
        {.name = "replicate", .itinerary = strategies::replicate},
        {.name = "all-gather", .itinerary = strategies::all_gather},
        {.name = "ring", .itinerary = strategies::ring},
        {.name = "dilated-ring", .itinerary = strategies::dilated_ring},
        {.name = "segment-gather", .itinerary = strategies::segment_gather},
        {.name = "heads", .itinerary = strategies::heads},
    };
    return all[static_cast<std::size_t>(strategy)];
}

} // namespace

std::string name(Strategy strategy) { return entry(strategy).name; }

Strategy parse_strategy(const std::string& field, const std::string& value) {
    std::string names;
    for (const Strategy strategy : all_strategies) {
        if (name(strategy) == value) return strategy;
        names += (names.empty() ? "" : ", ") + name(strategy);
    }
    throw PatternError(field, value, "must be one of " + names);
}

Itinerary itinerary(Strategy strategy, const Problem& problem, Index rank, bool gradient) {
    if (tokens_in(owned(problem, rank)) == 0) return strategies::beginning(problem, rank);
    return entry(strategy).itinerary(problem, rank, gradient);
}

} // namespace dra
