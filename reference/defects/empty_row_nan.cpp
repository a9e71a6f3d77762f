#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>
#include <limits>

namespace dra::defects {

namespace {

/// -inf minus -inf, where neither side saw a key.
void merge_unguarded(RunningRow into, const RunningRow& from, const MergePart&) {
    const double maximum = std::max(into.maximum, from.maximum);
    const double a = std::exp(into.maximum - maximum), b = std::exp(from.maximum - maximum);
    into.out = a * into.out + b * from.out;
    into.sum = a * into.sum + b * from.sum;
    into.maximum = maximum;
}

/// A softmax over masked scores alone: the chunk's partial is NaN, and so is all that it is merged into.
void merge_masked(RunningRow into, const RunningRow& from, const MergePart& merged) {
    right::merge(into, from, merged);
    if (from.maximum == -std::numeric_limits<double>::infinity()) into.sum = std::nan("");
}

Change with(decltype(Ingredients::merge) merge) {
    return [merge](Ingredients& wrong) {
        wrong.merge = wrong.mix = merge;
        wrong.finish = [](RunningRow row) {
            right::finish(row);
            if (std::isnan(row.sum)) row.out.setConstant(std::nan("")), row.maximum = std::nan("");
        };
    };
}

} // namespace

/// A row that sees nothing subtracts -inf from -inf.
Defect empty_row_nan() {
    return {
        .id = "empty-row-nan",
        .kind = Kind::crash,
        .title = "NaN in rows that see nothing",
        .symptom = "NaN in out and lse of rows that no pattern selects, or that see nothing of a chunk; everything "
                   "downstream is NaN soon after.",
        .cause = "The maximum of a fully masked row is -inf, and e^(-inf - -inf) is NaN. It hides as long as every row "
                 "sees a key of the first chunk.",
        .repair =
            "A partial over no key is (0, -inf), the identity of merge; test for it before subtracting (partial.hpp).",
        .provenance = "The report's class: NaN.",
        .witness = {{1, 2, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {2}}},
        .conditions = {},
        .forms = forms({with(merge_unguarded), with(merge_masked)}),
    };
}

} // namespace dra::defects
