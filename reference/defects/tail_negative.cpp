#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include "reference/definition/error.hpp"

namespace dra::defects {

namespace {

Condition needs_empty_chunk() {
    return {"every chunk has a token", [](const Problem& problem) {
                for (Index rank = 0; rank < problem.ranks; ++rank)
                    for (const Interval& chunk : owned(problem, rank))
                        if (chunk.size() == 0) return true;
                return false;
            }};
}

/// Chunk c of `chunks`, its end cut to the sequence but not its begin.
Interval chunk_cut_at_the_end(Index c, Index chunks, const Interval& tokens) {
    const Index length = ceil_div(tokens.size(), chunks);
    const Interval cut{tokens.begin + c * length, std::min(tokens.begin + (c + 1) * length, tokens.end)};
    if (cut.size() <= 0)
        throw ShapeError("chunk[" + std::to_string(c) + "].length", std::to_string(cut.size()), "must be at least 1");
    return cut;
}

} // namespace

/// Chunks of ceil(N/R) tokens whose begin is not cut to the sequence: the last ones are empty or negative.
Defect tail_negative() {
    return {
        .id = "tail-negative",
        .kind = Kind::crash,
        .title = "An empty or negative chunk at the end",
        .symptom = "It ends in an error about a negative length, or the maximum of nothing, for some N and R and not "
                   "for others.",
        .cause = "With chunks of ceil(N/R) tokens, (R-1) ceil(N/R) >= N leaves nothing, or less than nothing, for the "
                 "last ranks, and only the chunk's end is cut to N.",
        .repair = "Cut both ends, [min(pL, N), min((p+1)L, N)), and let an empty chunk be the identity of merge.",
        .provenance = "The report's class: a crash.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}, .ranks = 2}},
        .conditions = {needs_empty_chunk()},
        .forms = forms({[](Ingredients& wrong) {
            wrong.owned = [](const Problem& problem, Index rank) { return owned(problem, rank, chunk_cut_at_the_end); };
        }}),
    };
}

} // namespace dra::defects
