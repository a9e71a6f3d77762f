#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>
#include <numbers>

namespace dra::defects {

namespace {

constexpr double log2e = std::numbers::log2e;

void enter_with(double lse, RunningRow into, const RunningRow& from, const MergePart& merged) {
    Eigen::RowVectorXd out = from.out / from.sum;
    double sum = 1;
    right::merge(into, {out, lse, sum}, merged);
}

/// What arrives is in base 2, what is there in base e: the first is stored, the others merged.
void merge_arriving_in_base_2(RunningRow into, const RunningRow& from, const MergePart& merged) {
    if (from.sum > 0) enter_with(into.sum == 0 ? from.lse() : log2e * from.lse(), into, from, merged);
}

/// Everything is in base 2, and merged by e^lse.
void merge_base_2_by_e(RunningRow into, const RunningRow& from, const MergePart& merged) {
    if (from.sum > 0) enter_with(log2e * from.lse(), into, from, merged);
}

/// Everything is in base e, and merged by 2^lse.
void merge_base_e_by_2(RunningRow into, const RunningRow& from, const MergePart&) {
    if (from.sum == 0) return;
    if (into.sum == 0) return set(into, from.out / from.sum, from.lse());
    const double m = std::max(into.lse(), from.lse());
    const double a = std::exp2(into.lse() - m), b = std::exp2(from.lse() - m);
    set(into, (a * into.out / into.sum + b * from.out / from.sum) / (a + b), m + std::log2(a + b));
}

} // namespace

/// Logarithms to base 2 and to base e meet in one merge.
Defect lse_base() {
    return {
        .id = "lse-base",
        .kind = Kind::value,
        .title = "Logarithms of two bases in one merge",
        .symptom = "Finite and plausible. Right where one partial makes a row; else the weights of chunks or patterns "
                   "are too unequal, or too equal, and lse is off by up to 44 %.",
        .cause = "Kernels work in base 2, because exp2 is what the hardware has, and hand out their log-sum-exp "
                 "without converting it; or one of several does.",
        .repair = "lse is natural everywhere outside of a kernel; convert where it leaves (panel.hpp).",
        .provenance = "Public implementations on top of flash kernels: finite and plausible.",
        .witness = {{1, 2, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {1}, .ranks = 2}},
        .conditions = {},
        .forms = forms({[](Ingredients& wrong) { wrong.merge = wrong.mix = merge_arriving_in_base_2; },
                        [](Ingredients& wrong) { wrong.merge = wrong.mix = merge_base_2_by_e; },
                        [](Ingredients& wrong) { wrong.merge = wrong.mix = merge_base_e_by_2; },
                        [](Ingredients& wrong) { wrong.merge = merge_arriving_in_base_2; },
                        [](Ingredients& wrong) { wrong.merge = merge_base_2_by_e; },
                        [](Ingredients& wrong) { wrong.merge = merge_base_e_by_2; }}),
    };
}

} // namespace dra::defects
