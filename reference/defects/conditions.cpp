#include "reference/defects/conditions.hpp"

#include <algorithm>

namespace dra::defects {
namespace {

/// Whether some piece of a pattern and a KV head that uses it has the property.
bool any_piece(const Problem& problem, const std::function<bool(const Piece&)>& holds) {
    const std::vector<Holding> held = holdings(problem);
    for (Index i = 0; i < problem.patterns(); ++i)
        for (Index g = heads_of(problem, i).begin; g < heads_of(problem, i).end; ++g) {
            const Pattern pattern = pattern_of(problem, i, g);
            for (const Holding& chunk : held)
                for (Index s = pattern.segment_of(chunk.tokens.begin); s < pattern.segments(chunk.tokens.end); ++s)
                    if (holds({pattern, s, chunk.tokens, problem.tokens})) return true;
        }
    return false;
}

bool mixes(const Problem& problem) { return problem.mode == Mode::mixture && problem.patterns() > 1; }

} // namespace

Condition needs_causal() {
    return {"the problem is not causal", [](const Problem& problem) { return problem.causal; }};
}

Condition needs_not_causal() {
    return {"the problem is causal", [](const Problem& problem) { return !problem.causal; }};
}

Condition needs_chunks() {
    return {"there is one chunk", [](const Problem& problem) { return chunks(problem) > 1; }};
}

Condition needs_ranks() {
    return {"there is one rank", [](const Problem& problem) { return problem.ranks > 1; }};
}

Condition needs_dilation() {
    return {"nothing is dilated", [](const Problem& problem) {
                return std::ranges::any_of(problem.dilation_rates, [](Index r) { return r > 1; });
            }};
}

Condition needs_mixture() { return {"no head mixes patterns", mixes}; }

Condition needs_merge() {
    return {"no two partials are merged", [](const Problem& problem) { return chunks(problem) > 1 || mixes(problem); }};
}

Condition needs_groups() {
    return {"all heads use the same patterns",
            [](const Problem& problem) { return problem.mode == Mode::groups && problem.patterns() > 1; }};
}

Condition needs_segments() {
    return {"there is one segment", [](const Problem& problem) {
                return std::ranges::any_of(problem.segment_lengths, [&](Index w) { return w < problem.tokens; });
            }};
}

Condition needs_short_tail() {
    return {"every segment is whole", [](const Problem& problem) {
                return std::ranges::any_of(problem.segment_lengths, [&](Index w) { return problem.tokens % w != 0; });
            }};
}

Condition selects_differently(PositionList (*wrong)(const Piece&)) {
    return {"the same positions are selected", [wrong](const Problem& problem) {
                return any_piece(problem, [&](const Piece& piece) { return wrong(piece) != right::selected(piece); });
            }};
}

Condition uses_differently(bool (*wrong)(const Problem&, Index, Index)) {
    return {"each head uses the same patterns", [wrong](const Problem& problem) {
                for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
                    for (Index g = 0; g < problem.kv_heads; ++g)
                        if (wrong(problem, pattern, g) != uses(problem, pattern, g)) return true;
                return false;
            }};
}

std::function<std::vector<Ingredients>(const Problem&)> forms(std::vector<Change> changes) {
    return [changes = std::move(changes)](const Problem&) {
        std::vector<Ingredients> forms(changes.size());
        for (std::size_t i = 0; i < changes.size(); ++i) changes[i](forms[i]);
        return forms;
    };
}

} // namespace dra::defects
