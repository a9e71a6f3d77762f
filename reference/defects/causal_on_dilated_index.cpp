#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

/// A key counts as being where it stands among the selected keys, not where it stands in the sequence.
Defect causal_on_dilated_index() {
    return {
        .id = "causal-on-dilated-index",
        .kind = Kind::value,
        .title = "Causality judged on the index after dilation",
        .symptom = "The future is visible in dilated heads only: row i sees the first i + 1 selected keys of its "
                   "segment, which reach r times as far as they may. Heads with r = 1 are right.",
        .cause = "The mask compares a query's position with a key's column; after dilation column t is position s*w + "
                 "o + t*r.",
        .repair = "Compare original positions: one extent a row, floor((i - first) / r) + 1 keys (visibility.hpp).",
        .provenance = "The report's class: relative error 0.54 at r = 2.",
        .witness = {{1, 4, 2, 1},
                    2,
                    {.segment_lengths = {4}, .dilation_rates = {2}, .mode = Mode::mixture, .causal = true}},
        .conditions = {needs_causal(), needs_dilation()},
        .forms = forms({[](Ingredients& wrong) {
                            wrong.sees = [](const Pair& pair) { // after dilation of the chunk
                                return std::max(pair.segment_begin, pair.chunk_begin) + pair.key_index <= pair.query;
                            };
                        },
                        [](Ingredients& wrong) {
                            wrong.sees = [](const Pair& pair) { // after dilation of the segment
                                const Index index = (pair.key - pair.segment_begin) / pair.dilation_rate;
                                return pair.segment_begin + index <= pair.query;
                            };
                        }}),
    };
}

} // namespace dra::defects
