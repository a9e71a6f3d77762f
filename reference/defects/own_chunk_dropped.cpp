#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>

namespace dra::defects {

namespace {

bool visits_earlier(const Problem& problem, const Interval& queries, const Interval& keys) {
    return !problem.causal || keys.begin < queries.begin;
}

/// Rows that should have seen something and did not.
void divided_by_zero(const PatternResult& result) {
    for (const Index n : result.selected)
        if (RunningRow empty = row(result.rows, n); empty.sum == 0)
            set(empty, Eigen::RowVectorXd::Constant(empty.out.size(), std::nan("")), std::nan(""));
}

} // namespace

/// A causal ring keeps the chunks before its own, but not its own.
Defect own_chunk_dropped() {
    return {
        .id = "own-chunk-dropped",
        .kind = Kind::value,
        .title = "The own chunk skipped by a causal ring",
        .symptom = "Rows of the first chunk see nothing: zero or NaN. All others miss the keys of their own chunk, the "
                   "nearest ones.",
        .cause = "Chunks wholly in the future are skipped by `source < rank`, where `source <= rank` is meant.",
        .repair = "Decide by positions whether any query sees any key (needed_steps), never by rank numbers.",
        .provenance = "Public implementations of ring attention: relative error 0.22 to 0.59, and NaN.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}, .causal = true}},
        .conditions = {needs_causal()},
        .forms = forms({[](Ingredients& wrong) { wrong.visits = visits_earlier; },
                        [](Ingredients& wrong) {
                            wrong.visits = visits_earlier;
                            wrong.place = divided_by_zero;
                        }}),
    };
}

} // namespace dra::defects
