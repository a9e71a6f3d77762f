#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// KV heads [i*size, (i+1)*size), where sizes differ from group to group: the remainder goes to the last groups, or to
/// the first.
template <bool first> bool in_range_by_own_size(const Problem& problem, Index pattern, Index kv_head) {
    if (problem.mode == Mode::mixture) return true;
    const Index groups = problem.patterns(), remainder = problem.kv_heads % groups;
    const bool larger = first ? pattern < remainder : pattern >= groups - remainder;
    const Index size = problem.kv_heads / groups + larger;
    return pattern * size <= kv_head && kv_head < (pattern + 1) * size;
}

} // namespace

/// The range of heads of group i begins at i times its own size, though sizes differ.
Defect uneven_groups() {
    return {
        .id = "uneven-groups",
        .kind = Kind::value,
        .title = "Head ranges from i times the size",
        .symptom = "Right when the number of patterns divides the heads. Else some heads are written by two groups, "
                   "and some by none: they stay zero, or what the memory held.",
        .cause = "`hmin = i * size, hmax = (i + 1) * size` with the size of this group, where the sum of the sizes "
                 "before it is meant.",
        .repair = "A running sum of the sizes, or the closed form (head_group).",
        .provenance = "A public implementation of dilated attention: some heads written twice, others never.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1, 1}, .dilation_rates = {1, 1}}},
        .conditions = {needs_groups(), uses_differently(in_range_by_own_size<false>)},
        .forms = forms({[](Ingredients& is) { is.uses = in_range_by_own_size<false>; },
                        [](Ingredients& is) { is.uses = in_range_by_own_size<true>; }}),
    };
}

} // namespace dra::defects
