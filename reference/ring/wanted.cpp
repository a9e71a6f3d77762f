#include "reference/ring/wanted.hpp"

#include "reference/definition/pattern.hpp"
#include "reference/ring/shard.hpp"

namespace dra {
namespace {

/// Appends `rows` but for those that are among the first `known` pieces.
void append_unknown(std::vector<Positions>& pieces, std::size_t known, const Positions& rows) {
    std::vector<Positions> overlaps;
    for (std::size_t i = 0; i < known; ++i)
        if (const Positions both = common(pieces[i], rows); !both.empty()) overlaps.push_back(both);
    if (overlaps.empty()) {
        Positions* last = pieces.size() > known ? &pieces.back() : nullptr;
        if (last && last->stride == rows.stride && (*last)[last->count] == rows.first)
            last->count += rows.count; // a segment goes on where the one before ends
        else
            pieces.push_back(rows);
        return;
    }
    std::vector<Index> unknown;
    for (Index t = 0; t < rows.count; ++t)
        if (std::ranges::all_of(overlaps,
                                [&](const Positions& both) { return common(both, rows.slice(t, 1)).empty(); }))
            unknown.push_back(rows[t]);
    for (const Positions& piece : progressions(unknown)) pieces.push_back(piece);
}

/// Appends what queries of the intervals see of the keys in [keys.begin, keys.end).
void append_seen(std::vector<Positions>& pieces, const Problem& problem, const Pattern& pattern,
                 const std::vector<Interval>& queries, const Interval& keys) {
    const std::size_t known = pieces.size(); // those of one pattern are disjoint
    for (Index s = pattern.segment_of(keys.begin); s < pattern.segments(keys.end); ++s) {
        const Positions selected = pattern.selected(s, problem.tokens);
        Index seen = 0; // of the selected, the first so many
        for (const Interval& own : queries)
            if (const Positions asking = selected.within(own.begin, own.end); !asking.empty())
                seen = problem.causal ? std::max(seen, selected.below(asking[asking.count - 1] + 1)) : selected.count;
        const Positions rows = selected.slice(0, seen).within(keys.begin, keys.end);
        if (!rows.empty()) append_unknown(pieces, known, rows);
    }
}

} // namespace

std::vector<Positions> progressions(const std::vector<Index>& positions) {
    std::vector<Positions> all;
    for (const Index n : positions) {
        if (!all.empty() && all.back().count == 1) all.back().stride = n - all.back().first;
        if (!all.empty() && n == all.back()[all.back().count])
            ++all.back().count;
        else
            all.push_back({n, 1, 1});
    }
    return all;
}

void append(std::vector<Part>& parts, Index head, std::vector<Positions> pieces) {
    if (pieces.empty()) return;
    TokenRows tokens(std::move(pieces));
    if (!parts.empty() && parts.back().heads.end == head && parts.back().tokens == tokens)
        ++parts.back().heads.end;
    else
        parts.push_back({{head, head + 1}, std::move(tokens)});
}

Part key_shard(const Problem& problem, Index rank) { return {{0, problem.kv_heads}, TokenRows(owned(problem, rank))}; }

std::vector<Part> wanted_rows(const Problem& problem, Index rank, Index owner) {
    const std::vector<Interval> queries = owned(problem, rank);
    std::vector<Part> parts;
    for (Index g = 0; g < problem.kv_heads; ++g) {
        std::vector<Positions> pieces;
        for (const Interval& keys : owned(problem, owner))
            for (Index pattern = 0; pattern < problem.patterns() && keys.size() > 0; ++pattern)
                if (uses(problem, pattern, g))
                    append_seen(pieces, problem, pattern_of(problem, pattern, g), queries, keys);
        append(parts, g, std::move(pieces));
    }
    return parts;
}

} // namespace dra
