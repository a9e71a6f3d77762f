#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>

namespace dra::defects {

namespace {

void merge_scaled_by_maximum(RunningRow into, const RunningRow& from, const MergePart&) {
    if (from.sum == 0) return;
    const double maximum = std::max(into.maximum, from.maximum), a = std::exp(into.maximum - maximum);
    into.out = a * into.out + std::exp(-maximum) * from.out / from.sum;
    into.sum = a * into.sum + std::exp(from.maximum - maximum) * from.sum;
    into.maximum = maximum;
}

} // namespace

/// A chunk's output, already divided by its sum, is scaled by e^-maximum and then divided by the whole sum again.
Defect merge_unnormalised() {
    return {
        .id = "merge-unnormalised",
        .kind = Kind::value,
        .title = "A normalised output treated as one that is not",
        .symptom = "out is close to zero, by a factor of the number of keys and more; weights do not sum to one. lse "
                   "is right.",
        .cause = "An attention call returns out divided by its sum; the online softmax around it expects the undivided "
                 "one, and a factor e^-maximum is tried in its place.",
        .repair = "Merge (out, lse), or multiply by the chunk's sum before adding.",
        .provenance = "The report's class before fix 3: 98 to 100 % relative error.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}}},
        .conditions = {},
        .forms = forms({[](Ingredients& wrong) { wrong.merge = merge_scaled_by_maximum; },
                        [](Ingredients& wrong) {
                            wrong.merge = merge_scaled_by_maximum;
                            wrong.step_at = right::step_in_order;
                        }}),
    };
}

} // namespace dra::defects
