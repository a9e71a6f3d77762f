#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// Row begin + p of `rows` becomes what stood in row list[p], for the first so many rows; the others are empty.
void compact(const RunningRows& from, const PositionList& list, Index begin, Index rows, RunningRows& to) {
    const Index listed = static_cast<Index>(list.size());
    for (Index p = 0; p < rows && listed > 0; ++p) {
        const Index source = list[p % listed];
        to.out.row(begin + p) = from.out.row(source);
        to.maximum[begin + p] = from.maximum[source];
        to.sum[begin + p] = from.sum[source];
    }
}

/// Over the whole sequence, or segment by segment; once, or repeated until the length is filled.
Change left_in_order_of_selection(bool by_segment, bool repeated) {
    return [=](Ingredients& wrong) {
        wrong.place = [=](const PatternResult& result) {
            RunningRows placed(result.rows.rows(), result.rows.out.cols());
            const Index N = result.problem.tokens, w = by_segment ? result.pattern.segment_length : N;
            for (Index begin = 0; begin < N; begin += w) {
                const Index end = std::min(begin + w, N);
                PositionList list;
                for (const Index position : result.selected)
                    if (begin <= position && position < end) list.push_back(position);
                compact(result.rows, list, begin, repeated ? end - begin : static_cast<Index>(list.size()), placed);
            }
            result.rows = placed;
        };
    };
}

} // namespace

/// Output row p holds the result of the p-th selected query: what was gathered is never scattered back.
Defect rows_not_scattered() {
    return {
        .id = "rows-not-scattered",
        .kind = Kind::value,
        .title = "Rows left in the order of selection",
        .symptom = "The rows are right ones in wrong places: row 1 holds what belongs to row r + phase, and rows from "
                   "N/r on are zero or begin again. With r = 1 everything is right.",
        .cause = "Queries are gathered by an index list, attended, and the result is returned as if its rows were "
                 "those of the sequence.",
        .repair = "Write row p of the result to position s*w + o + p*r; or gather nothing and write through the "
                  "strided view (tensor.hpp).",
        .provenance = "The report's class: relative error 1.98 at r = 4.",
        .witness = {{1, 3, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {2}}},
        .conditions = {needs_dilation()},
        .forms = forms({left_in_order_of_selection(false, false), left_in_order_of_selection(true, false),
                        left_in_order_of_selection(false, true), left_in_order_of_selection(true, true)}),
    };
}

} // namespace dra::defects
