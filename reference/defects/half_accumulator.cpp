#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include "reference/definition/half_precision.hpp"

#include <cmath>

namespace dra::defects {

namespace {

double in_bf16(double x) { return static_cast<double>(static_cast<bfloat16>(static_cast<float>(x))); }

/// right::merge, every number that is kept rounded to bf16.
void merge_in_bf16(RunningRow into, const RunningRow& from, const MergePart&) {
    if (from.sum == 0) return;
    const double maximum = in_bf16(std::max(into.maximum, from.maximum));
    const double a = std::exp(into.maximum - maximum), b = std::exp(from.maximum - maximum);
    into.out = (a * into.out + b * from.out).unaryExpr(&in_bf16);
    into.sum = in_bf16(a * into.sum + b * from.sum);
    into.maximum = maximum;
}

} // namespace

/// The running maximum, sum and output are kept in bf16, between chunks and between patterns.
Defect half_accumulator() {
    return {
        .id = "half-accumulator",
        .kind = Kind::precision,
        .title = "Running maximum, sum and output in bf16",
        .symptom = "Right to two digits; the error grows with the number of chunks, and lse is off in its third digit. "
                   "Only bf16 shows it: the mean error is several times that of rounding out once.",
        .cause = "Accumulators are allocated in the inputs' type.",
        .repair = "Accumulate in float32, whatever the inputs' type, and round out once.",
        .provenance = "The report's class: relative error 5.8e-3 to 7.6e-3, where float32 accumulators have 1.65e-3.",
        .witness = {{1, 1, 3, 1}, 3, {.segment_lengths = {1}, .dilation_rates = {1}}, Draw::steep},
        .conditions = {},
        .forms = forms({[](Ingredients& wrong) { wrong.merge = wrong.mix = merge_in_bf16; },
                        [](Ingredients& wrong) { wrong.merge = merge_in_bf16; }}),
    };
}

} // namespace dra::defects
