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

Interval heads_of(const Problem& problem, Index pattern) {
    if (problem.mode == Mode::mixture) return {0, problem.kv_heads};
    const Index groups = problem.patterns(), size = problem.kv_heads / groups;
    const Index smaller_groups = groups - problem.kv_heads % groups; // the first ones
    const Index begin = pattern * size + std::max(pattern - smaller_groups, Index{0});
    return {begin, begin + size + (pattern >= smaller_groups)};
}

} // namespace dra
