#include "reference/ring/schedule.hpp"

#include "reference/ring/visit.hpp"

namespace dra {
namespace {

bool any_visible(const Pattern& pattern, const Problem& problem, const Interval& queries, const Interval& keys) {
    for (Index s = pattern.segment_of(queries.begin); s < pattern.segments(queries.end); ++s)
        if (visibility_of(problem, pattern.selected(s, problem.tokens), queries, keys).any()) return true;
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
        for (const Interval& queries : owned(problem, rank))
            for (const Interval& keys : owned(problem, owner))
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
