#pragma once
/// \file
/// Visits: what the queries that a rank owns see of the keys that it holds, view by view. Not installed.

#include "reference/definition/pattern.hpp"
#include "reference/definition/visibility.hpp"
#include "reference/ring/shard.hpp"

namespace dra {

/// The visibility of keys of one interval for queries of another, among the `selected` positions of a segment.
inline Visibility visibility_of(const Problem& problem, const Positions& selected, const Interval& queries,
                                const Interval& keys) {
    return {selected.within(queries.begin, queries.end), selected.within(keys.begin, keys.end), problem.causal};
}

/// One segment of one (b, KV head), as an interval of a rank's queries meets an interval of the keys that it holds.
struct Visit {
    Index b, g;
    Visibility visibility;   ///< in global positions
    Positions queries, keys; ///< the same as rows of the shards
};

/// Calls visit(Visit) for every one of a pattern in which some query sees some key. Only segments that both the queries
/// and the keys lie in are looked at.
template <class Function> void for_each_visit(const Problem& problem, Index pattern,
                                              const std::vector<Interval>& queries, const std::vector<Interval>& keys,
                                              Function visit) {
    const auto meet = [&](std::size_t i, std::size_t j, Index b, Index g, const Positions& selected) {
        const Visibility visibility = visibility_of(problem, selected, queries[i], keys[j]);
        if (!visibility.any()) return;
        visit(Visit{b, g, visibility, local(queries, i, selected), local(keys, j, selected)});
    };
    const Interval heads = heads_of(problem, pattern);
    for (Index g = heads.begin; g < heads.end; ++g) {
        const Pattern of_head = pattern_of(problem, pattern, g);
        for (std::size_t i = 0; i < queries.size(); ++i)
            for (Index b = 0; b < problem.batch; ++b)
                for (std::size_t j = 0; j < keys.size(); ++j) {
                    const Index first = of_head.segment_of(std::max(queries[i].begin, keys[j].begin)),
                                end = of_head.segments(std::min(queries[i].end, keys[j].end));
                    for (Index s = first; s < end; ++s) meet(i, j, b, g, of_head.selected(s, problem.tokens));
                }
    }
}

} // namespace dra
