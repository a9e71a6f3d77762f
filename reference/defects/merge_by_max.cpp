#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>

namespace dra::defects {

namespace {

/// out and 1 enter with the weight e^maximum, the chunk's own.
void merge_by_own_maximum(RunningRow into, const RunningRow& from, const MergePart& chunk) {
    if (from.sum == 0) return;
    Eigen::RowVectorXd out = from.out / from.sum;
    double maximum = from.maximum, sum = 1;
    right::merge(into, {out, maximum, sum}, chunk);
}

/// The class: they enter with weight 1 after what is there was scaled down to the new running maximum.
void merge_by_running_maximum(RunningRow into, const RunningRow& from, const MergePart&) {
    if (from.sum == 0) return;
    const double maximum = std::max(into.maximum, from.maximum), a = std::exp(into.maximum - maximum);
    into.out = a * into.out + from.out / from.sum;
    into.sum = a * into.sum + 1;
    into.maximum = maximum;
}

} // namespace

/// Chunk outputs are merged by their maxima: the sums of exponentials, which say how many keys stand behind each, are
/// lost.
Defect merge_by_max() {
    return {
        .id = "merge-by-max",
        .kind = Kind::value,
        .title = "Chunk outputs weighted by their maximum alone",
        .symptom = "Exact with one chunk, a few to some tens of per cent wrong with more; worst where a chunk has one "
                   "large score and the others many middling ones. Weights still sum to one. lse is the logarithm of a "
                   "sum of e^maximum: too small.",
        .cause = "The statistics of the pass that computed a chunk's output are not at hand; the maximum is found "
                 "again and 1 is added to the denominator for each chunk.",
        .repair = "Merge (out, lse): the pass that computes attention knows its log-sum-exp (partial.hpp).",
        .provenance =
            "The report's class, fix 3 as published: 4 to 67 % relative error with 2 to 8 chunks, exact with 1.",
        .witness = {{1, 3, 1, 1}, 1, {.segment_lengths = {3}, .dilation_rates = {1}, .ranks = 2}},
        .conditions = {},
        .forms = forms({[](Ingredients& wrong) { wrong.merge = merge_by_own_maximum; },
                        [](Ingredients& wrong) { wrong.merge = merge_by_running_maximum; },
                        [](Ingredients& wrong) {
                            wrong.merge = merge_by_running_maximum;
                            wrong.step_at = right::step_in_order;
                        }}),
    };
}

} // namespace dra::defects
