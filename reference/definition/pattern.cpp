#include "reference/definition/pattern.hpp"

namespace dra {

Index head_group(Index kv_head, Index kv_heads, Index groups) {
    const Index size = kv_heads / groups;
    const Index smaller_groups =
        groups - kv_heads % groups; // the first ones, of `size` heads; the others have one more
    const Index in_smaller = smaller_groups * size;
    return kv_head < in_smaller ? kv_head / size : smaller_groups + (kv_head - in_smaller) / (size + 1);
}

Pattern pattern_of(const Problem& problem, Index pattern, Index kv_head) {
    const auto p = static_cast<std::size_t>(pattern);
    const Index w = problem.segment_lengths[p], r = problem.dilation_rates[p];
    switch (problem.phase) {
    case PhaseRule::group: return {w, r, pattern % r};
    case PhaseRule::head: return {w, r, kv_head % r};
    case PhaseRule::head_block: break;
    }
    return {w, r, kv_head / ceil_div(problem.kv_heads, r)};
}

bool uses(const Problem& problem, Index pattern, Index kv_head) {
    return problem.mode == Mode::mixture || pattern == head_group(kv_head, problem.kv_heads, problem.patterns());
}

bool leaves_rows_empty(const Problem& problem, Index kv_head) {
    std::vector<Pattern> used;
    for (Index p = 0; p < problem.patterns(); ++p)
        if (uses(problem, p, kv_head)) used.push_back(pattern_of(problem, p, kv_head));

    const auto selects = [](const Pattern& pattern, Index n) { // before the phase, the remainder is never 0: phase < r
        return (n % pattern.segment_length - pattern.phase) % pattern.dilation_rate == 0;
    };
    if (std::ranges::any_of(used, [](const Pattern& pattern) { return pattern.dilation_rate == 1; })) return false;
    for (Index n = 0; n < problem.tokens; ++n)
        if (std::ranges::none_of(used, [&](const Pattern& pattern) { return selects(pattern, n); })) return true;
    return false;
}

} // namespace dra
