#include "reference/ring/schedule.hpp"

#include "reference/definition/pattern.hpp"

#include <algorithm>
#include <iterator>

namespace dra {
namespace {

/// Calls meet(rank) for those that hold some of the positions.
template <class Meet> void for_each_rank(const std::vector<Holding>& all, const Positions& positions, Meet meet) {
    for (Index t = 0; t < positions.count;) {
        const auto behind =
            std::ranges::upper_bound(all, positions[t], {}, [](const Holding& h) { return h.tokens.begin; });
        const Holding& holding = *std::prev(behind);
        meet(holding.rank);
        t = positions.below(holding.tokens.end);
    }
}

/// Calls see(keys) for the keys that queries of an interval see under one pattern, segment by segment.
template <class See>
void for_each_seen(const Problem& problem, const Pattern& pattern, const Interval& queries, See see) {
    for (Index s = pattern.segment_of(queries.begin); s < pattern.segments(queries.end); ++s) {
        const Positions selected = pattern.selected(s, problem.tokens),
                        asking = selected.within(queries.begin, queries.end);
        if (!asking.empty())
            see(problem.causal ? selected.slice(0, selected.below(asking[asking.count - 1] + 1)) : selected);
    }
}

} // namespace

std::vector<Index> needed_steps(const Problem& problem, const std::vector<Holding>& all, Index rank) {
    const std::vector<Interval> own = owned(problem, rank);
    std::vector<Index> steps;
    if (tokens_in(own) == 0) return steps;
    std::vector<bool> needed(static_cast<std::size_t>(problem.ranks)); // by step
    const auto meet = [&](Index owner) {
        const Index step = (rank - owner + problem.ranks) % problem.ranks;
        if (!needed[step]) steps.push_back(step);
        needed[step] = true;
    };
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        for (Index g = heads_of(problem, pattern).begin; g < heads_of(problem, pattern).end; ++g)
            for (const Interval& queries : own)
                for_each_seen(problem, pattern_of(problem, pattern, g), queries,
                              [&](const Positions& keys) { for_each_rank(all, keys, meet); });
    std::ranges::sort(steps);
    return steps;
}

std::vector<Turns> turns(const Problem& problem) {
    std::vector<Turns> all;
    const std::vector<Holding> held = holdings(problem);
    for (Index rank = 0; rank < problem.ranks; ++rank)
        for (bool begins = true; const Index step : needed_steps(problem, held, rank)) {
            if (begins || (all.back().steps.count > 1 && step != all.back().steps[all.back().steps.count]))
                all.push_back({rank, {step, 1, 0}});
            Positions& steps = all.back().steps;
            if (steps.count == 1) steps.stride = step - steps.first;
            ++steps.count;
            begins = false;
        }
    return all;
}

std::vector<RingStep> ring_schedule(const Problem& problem, Index rank) {
    std::vector<RingStep> steps;
    for (Index step = 0; step < problem.ranks; ++step)
        steps.push_back({owner_at(problem, rank, step), false, step + 1 < problem.ranks});
    for (const Index step : needed_steps(problem, holdings(problem), rank)) steps[step].needed = true;
    return steps;
}

} // namespace dra
