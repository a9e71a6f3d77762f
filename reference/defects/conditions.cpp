#include "reference/defects/conditions.hpp"

#include <algorithm>

namespace dra::defects {
namespace {

bool any_segment_length(const Problem& problem, const std::function<bool(Index)>& holds) {
    return std::ranges::any_of(problem.segment_lengths, holds);
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
std::string needs_causal(const Problem& problem) {
    return unless(problem.causal, "without causality no mask is asked");
}
std::string needs_not_causal(const Problem& problem) {
    return unless(!problem.causal, "causality hides all keys behind the end");
}
std::string needs_chunks(const Problem& problem) { return unless(problem.ranks > 1, "there is one chunk"); }
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

std::function<std::vector<Ingredients>(const Problem&)> forms(std::vector<Change> changes) {
    return [changes = std::move(changes)](const Problem&) {
        std::vector<Ingredients> forms(changes.size());
        for (std::size_t i = 0; i < changes.size(); ++i) changes[i](forms[i]);
        return forms;
    };
}

} // namespace dra::defects
