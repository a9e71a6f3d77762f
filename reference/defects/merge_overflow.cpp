#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>
#include <limits>

namespace dra::defects {

namespace {

/// e^x, infinite where a T cannot hold it.
template <class T> double exp_in(double x) {
    const double e = std::exp(x);
    return e > std::numeric_limits<T>::max() ? std::numeric_limits<double>::infinity() : e;
}

/// lse = a + log(1 + e^(b - a)), with the range of T.
template <class T> void merge_without_maximum(RunningRow into, const RunningRow& from, const MergePart&) {
    if (from.sum == 0) return;
    if (into.sum == 0) return set(into, from.out / from.sum, from.lse());
    const double a = into.lse(), b = from.lse();
    const double lse = a + std::log(1 + exp_in<T>(b - a));
    set(into, std::exp(a - lse) * into.out / into.sum + std::exp(b - lse) * from.out / from.sum, lse);
}

} // namespace

/// A merge without the maximum: e^(b - a) overflows where the arriving partial is much the larger.
Defect merge_overflow() {
    return {
        .id = "merge-overflow",
        .kind = Kind::value,
        .title = "A merge without the maximum",
        .symptom = "Right for small scores. Where a later chunk's lse is larger by 89 (in float; 710 in double), lse "
                   "is inf, and out zero.",
        .cause = "`lse = a + log(1 + exp(b - a))` is exact on paper and overflows for b far above a.",
        .repair = "Subtract the maximum of the two, or use softplus / logaddexp, which do.",
        .provenance = "Public implementations of ring attention: inf at scores of 60.",
        .witness = {{1, 3, 3, 1}, 3, {.segment_lengths = {3}, .dilation_rates = {1}, .ranks = 2}, Draw::steep},
        .conditions = {needs_merge()},
        .forms = forms({[](Ingredients& wrong) { wrong.merge = wrong.mix = merge_without_maximum<float>; },
                        [](Ingredients& wrong) { wrong.merge = wrong.mix = merge_without_maximum<double>; }}),
    };
}

} // namespace dra::defects
