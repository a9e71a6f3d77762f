#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>

namespace dra::defects {

namespace {

/// Adds a normalised output to others, `count` with it. lse stays right: it is maximum + log count.
void add(RunningRow into, const RunningRow& from, double count) {
    double lse = into.lse();
    if (from.sum > 0) {
        const double m = std::max(lse, from.lse());
        lse = m + std::log(std::exp(lse - m) + std::exp(from.lse() - m));
        into.out += from.out / from.sum;
    }
    into.sum = count;
    into.maximum = lse - std::log(count);
}

/// The mean of all chunks; of those in the row's segment; of those that the row sees.
void mean_of_all(RunningRow into, const RunningRow& from, const MergePart& chunk) {
    add(into, from, static_cast<double>(chunk.count));
}
void mean_in_segment(RunningRow into, const RunningRow& from, const MergePart&) { add(into, from, into.sum + 1); }
void mean_of_seen(RunningRow into, const RunningRow& from, const MergePart&) {
    if (from.sum > 0) add(into, from, into.sum + 1);
}

} // namespace

/// Chunk outputs are averaged.
Defect merge_mean() {
    return {
        .id = "merge-mean",
        .kind = Kind::value,
        .title = "Chunk outputs averaged",
        .symptom = "Right where all chunks hold the same share of a row's weight, wrong otherwise: least in long rows "
                   "that are not causal, most where a causal row sees a part of a chunk, or none. Where chunks that "
                   "show a row nothing are averaged too, its weights sum to less than one.",
        .cause =
            "`stack(outputs).mean()`: each chunk counts the same, however much of the softmax's denominator it holds.",
        .repair = "Merge (out, lse): the weights of chunks are e^(lse_chunk - lse).",
        .provenance = "The report's class, `_combine_chunk_outputs`: the error depends on the chunks.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}, .ranks = 2}},
        .conditions = {needs_chunks()},
        .forms = forms({[](Ingredients& wrong) { wrong.merge = mean_of_all; },
                        [](Ingredients& wrong) { wrong.merge = mean_in_segment; },
                        [](Ingredients& wrong) { wrong.merge = mean_of_seen; }}),
    };
}

} // namespace dra::defects
