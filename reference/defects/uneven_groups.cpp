#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// KV heads [i*size, (i+1)*size), where sizes differ from group to group: the remainder goes to the last groups, or to
/// the first.
template <bool first> bool in_range_by_own_size(const Problem& problem, Index pattern, Index kv_head) {
    const Index groups = problem.patterns(), remainder = problem.kv_heads % groups;
    const bool larger = first ? pattern < remainder : pattern >= groups - remainder;
    const Index size = problem.kv_heads / groups + larger;
    return pattern * size <= kv_head && kv_head < (pattern + 1) * size;
}

void overwrite(RunningRow into, const RunningRow& from, const MergePart&) {
    into.out = from.out;
    into.maximum = from.maximum;
    into.sum = from.sum;
}

/// out is added to what is there; lse is the last one's.
void add(RunningRow into, const RunningRow& from, const MergePart&) {
    into.out += from.out;
    into.maximum = from.maximum;
    into.sum = from.sum;
}

/// Where a head is in two ranges, the second overwrites the first, or adds to it.
Change ranges(decltype(&in_range_by_own_size<true>) uses, decltype(&overwrite) twice) {
    return [=](Ingredients& wrong) {
        wrong.uses = uses;
        wrong.mix = twice;
    };
}

/// A mixture has no ranges.
std::vector<Ingredients> ranges_by_own_size(const Problem& problem) {
    if (problem.mode == Mode::mixture) return {Ingredients()};
    return forms({ranges(in_range_by_own_size<false>, overwrite), ranges(in_range_by_own_size<true>, overwrite),
                  ranges(in_range_by_own_size<true>, add)})(problem);
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
        .forms = ranges_by_own_size,
    };
}

} // namespace dra::defects
