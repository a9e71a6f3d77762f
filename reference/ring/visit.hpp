#pragma once
/// \file
/// Visits: what the queries that a rank computes see of keys that it holds, segment by segment. Not installed.

#include "reference/definition/pattern.hpp"
#include "reference/definition/visibility.hpp"
#include "reference/ring/part.hpp"

namespace dra {

/// One segment of one (b, KV head), as a piece of a rank's queries meets a piece of the keys that visit it.
struct SegmentVisit {
    Index b, g;
    Interval heads;          ///< the query heads that use g and are computed
    Visibility visibility;   ///< in global positions
    Positions queries, keys; ///< the same as rows of the tensors
};

/// Calls visit(SegmentVisit) for every one of a pattern in which one of the `asking` queries sees some key. Only
/// segments that both the queries and the keys lie in are looked at. Heads of `queries` are query heads, those of
/// `keys` KV heads.
template <class Function> void for_each_segment_visit(const Problem& problem, Index pattern, const Part& queries,
                                                      const Queries& asking, const Part& keys, Function visit) {
    const auto meet = [&](std::size_t i, std::size_t j, Index g, const Interval& heads, const Positions& selected) {
        const Positions q = common(selected.within(asking.tokens.begin, asking.tokens.end), queries.tokens.pieces()[i]),
                        k = common(selected, keys.tokens.pieces()[j]);
        const Visibility visibility{q, k, problem.causal};
        if (!visibility.any()) return;
        const Positions q_rows = queries.tokens.rows(i, q), k_rows = keys.tokens.rows(j, k);
        for (Index b = 0; b < problem.batch; ++b) visit(SegmentVisit{b, g, heads, visibility, q_rows, k_rows});
    };
    const Interval kv_heads = common(common(heads_of(problem, pattern), keys.heads), asking.kv_heads);
    for (Index g = kv_heads.begin; g < kv_heads.end; ++g) {
        const Interval heads = common(query_heads_of(problem, g), queries.heads);
        if (heads.size() == 0) continue;
        const Pattern of_head = pattern_of(problem, pattern, g);
        for (std::size_t i = 0; i < queries.tokens.pieces().size(); ++i)
            for (std::size_t j = 0; j < keys.tokens.pieces().size(); ++j) {
                const Interval q = extent(queries.tokens.pieces()[i]), k = extent(keys.tokens.pieces()[j]);
                const Index first = of_head.segment_of(std::max({q.begin, k.begin, asking.tokens.begin})),
                            end = of_head.segments(std::min({q.end, k.end, asking.tokens.end}));
                for (Index s = first; s < end; ++s) meet(i, j, g, heads, of_head.selected(s, problem.tokens));
            }
    }
}

} // namespace dra
