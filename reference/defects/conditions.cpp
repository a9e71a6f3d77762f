#include "reference/defects/conditions.hpp"

#include <algorithm>

namespace dra::defects {
namespace {

bool any_segment_length(const Problem& problem, const std::function<bool(Index)>& holds) {
    return std::ranges::any_of(problem.segment_lengths, holds);
}

/// Whether some piece of a pattern and a KV head that uses it has the property.
bool any_piece(const Problem& problem, const std::function<bool(const Piece&)>& holds) {
    for (Index i = 0; i < problem.patterns(); ++i)
        for (Index g = 0; g < problem.kv_heads; ++g) {
            if (!uses(problem, i, g)) continue;
            const Pattern pattern = pattern_of(problem, i, g);
            for (Index rank = 0; rank < problem.ranks; ++rank)
                for (const Interval& chunk : owned(problem.layout, rank, problem.ranks, problem.tokens)) {
                    const Index w = pattern.segment_length;
                    for (Index s = chunk.begin / w; s * w < chunk.end; ++s)
                        if (const Piece piece{pattern, s, chunk, problem.tokens}; !piece.empty() && holds(piece))
                            return true;
                }
        }
    return false;
}

std::string unless(bool holds, const char* sentence) { return holds ? "" : sentence; }

} // namespace

Condition all_of(std::initializer_list<Condition> conditions) {
    return [conditions = std::vector(conditions)](const Problem& problem) {
        for (const Condition& condition : conditions)
            if (std::string sentence = condition(problem); !sentence.empty()) return sentence;
        return std::string();
    };
}

std::string anywhere(const Problem&) { return ""; }
std::string needs_causal(const Problem& problem) { return unless(problem.causal, "the problem is not causal"); }
std::string needs_not_causal(const Problem& problem) {
    return unless(!problem.causal, "causality hides all keys behind the end");
}
std::string needs_chunks(const Problem& problem) { return unless(chunks(problem) > 1, "there is one chunk"); }
std::string needs_ranks(const Problem& problem) { return unless(problem.ranks > 1, "there is one rank"); }
std::string needs_dilation(const Problem& problem) {
    return unless(std::ranges::any_of(problem.dilation_rates, [](Index r) { return r > 1; }), "nothing is dilated");
}
std::string needs_mixture(const Problem& problem) {
    return unless(problem.mode == Mode::mixture && problem.patterns() > 1, "no head mixes patterns");
}
std::string needs_groups(const Problem& problem) {
    return unless(problem.mode == Mode::groups && problem.patterns() > 1, "all heads are one group");
}
std::string needs_segments(const Problem& problem) {
    return unless(any_segment_length(problem, [&](Index w) { return w < problem.tokens; }), "there is one segment");
}
std::string needs_short_tail(const Problem& problem) {
    return unless(any_segment_length(problem, [&](Index w) { return problem.tokens % w != 0; }),
                  "every segment is whole");
}
std::string needs_heads(const Problem& problem) { return unless(problem.heads > 1, "there is one head"); }
std::string needs_merge(const Problem& problem) {
    return unless(chunks(problem) > 1 || needs_mixture(problem).empty(), "no two partials are merged");
}

Condition selects_differently(PositionList (*wrong)(const Piece&)) {
    return [wrong](const Problem& problem) {
        return unless(any_piece(problem, [&](const Piece& piece) { return wrong(piece) != right::selected(piece); }),
                      "the same positions are selected");
    };
}

Condition uses_differently(bool (*wrong)(const Problem&, Index, Index)) {
    return [wrong](const Problem& problem) {
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
            for (Index g = 0; g < problem.kv_heads; ++g)
                if (wrong(problem, pattern, g) != uses(problem, pattern, g)) return std::string();
        return std::string("the same heads use the same patterns");
    };
}

std::function<std::vector<Ingredients>(const Problem&)> forms(std::vector<Change> changes) {
    return [changes = std::move(changes)](const Problem&) {
        std::vector<Ingredients> forms(changes.size());
        for (std::size_t i = 0; i < changes.size(); ++i) changes[i](forms[i]);
        return forms;
    };
}

} // namespace dra::defects
