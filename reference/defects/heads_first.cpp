#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// The group of a KV head when the remainder goes one each to the first groups.
Index remainder_first(Index kv_head, Index kv_heads, Index groups) {
    const Index size = kv_heads / groups, in_larger = kv_heads % groups * (size + 1);
    return kv_head < in_larger ? kv_head / (size + 1) : kv_heads % groups + (kv_head - in_larger) / size;
}

bool uses_remainder_first(const Problem& problem, Index pattern, Index kv_head) {
    return problem.mode == Mode::mixture || pattern == remainder_first(kv_head, problem.kv_heads, problem.patterns());
}

} // namespace

/// The heads that are left over when the patterns do not divide them go to the first groups instead of the last.
Defect heads_first() {
    return {
        .id = "heads-first",
        .kind = Kind::value,
        .title = "Left-over heads given to the first groups",
        .symptom = "Right when the number of patterns divides the heads. Else some heads in the middle are those of "
                   "the pattern before.",
        .cause = "Two paths share the heads out on their own, `sizes[i] += 1` from the front in one and from the back "
                 "in the other.",
        .repair = "One function says which group a head is in (head_group), and everything asks it.",
        .provenance = "The report's class: 12 heads in 5 groups.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1, 2}, .dilation_rates = {1, 2}}},
        .conditions = {needs_groups(), uses_differently(uses_remainder_first)},
        .forms = forms({[](Ingredients& wrong) { wrong.uses = uses_remainder_first; }}),
    };
}

} // namespace dra::defects
