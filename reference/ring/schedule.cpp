#include "reference/ring/schedule.hpp"

#include "reference/definition/pattern.hpp"
#include "reference/definition/visibility.hpp"

namespace dra {
namespace {

bool any_visible(const Pattern& pattern, const Problem& problem, const Interval& queries, const Interval& keys) {
    for (Index s = pattern.segment_of(queries.begin); s < pattern.segments(queries.end); ++s) {
        const Positions selected = pattern.selected(s, problem.tokens);
        const Visibility visibility{selected.within(queries.begin, queries.end), selected.within(keys.begin, keys.end),
                                    problem.causal};
        if (visibility.any()) return true;
    }
    return false;
}

} // namespace

bool any_visible(const Problem& problem, const Interval& queries, const Interval& keys) {
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        for (Index g = 0; g < problem.kv_heads; ++g)
            if (uses(problem, pattern, g) && any_visible(pattern_of(problem, pattern, g), problem, queries, keys))
                return true;
    return false;
}

RingStep ring_step(const Problem& problem, Index rank, Index step) {
    const Index owner = (rank - step + problem.ranks) % problem.ranks;
    const auto needs = [&] {
        for (const Interval& queries : owned(problem.layout, rank, problem.ranks, problem.tokens))
            for (const Interval& keys : owned(problem.layout, owner, problem.ranks, problem.tokens))
                if (any_visible(problem, queries, keys)) return true;
        return false;
    };
    return {owner, needs(), step + 1 < problem.ranks};
}

std::vector<RingStep> ring_schedule(const Problem& problem, Index rank) {
    std::vector<RingStep> steps;
    for (Index step = 0; step < problem.ranks; ++step) steps.push_back(ring_step(problem, rank, step));
    return steps;
}

} // namespace dra
