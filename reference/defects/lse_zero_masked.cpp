#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

void merge_unless_zero(RunningRow into, const RunningRow& from, const MergePart& merged) {
    if (from.sum > 0 && from.lse() == 0) return;
    right::merge(into, from, merged);
}

} // namespace

/// lse == 0 is taken to mean that a row was not selected.
Defect lse_zero_masked() {
    return {
        .id = "lse-zero-masked",
        .kind = Kind::value,
        .title = "lse = 0 taken for \"not selected\"",
        .symptom = "Right for almost every input. A partial whose log-sum-exp is exactly 0 is dropped: q = 0 and one "
                   "visible key, or padding tokens that are all zeros.",
        .cause = "Results are scattered into tensors of zeros, and 0 is then read as a mark.",
        .repair = "A row that saw no key has lse = -inf, which no other row has.",
        .provenance = "A public implementation of LongNet: a genuine 0 is dropped.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}}, Draw::zero_query},
        .conditions = {},
        .forms = forms({[](Ingredients& wrong) { wrong.merge = wrong.mix = merge_unless_zero; },
                        [](Ingredients& wrong) { wrong.mix = merge_unless_zero; }}),
    };
}

} // namespace dra::defects
