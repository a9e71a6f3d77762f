#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

/// A segment's global start is added to a local index as if the keys were counted from 0.
Defect global_offset_local_index() {
    return {
        .id = "global-offset-local-index",
        .kind = Kind::value,
        .title = "A global offset on local indices",
        .symptom = "The first segment is causal, all segments after it are not: their rows see the whole segment.",
        .cause = "`row + segment_start >= col`, where row and col both count from the segment's start.",
        .repair = "Both local, or both global: in one segment the offset is 0 on either side.",
        .provenance = "The report's class: segments after the first are not causal.",
        .witness = {{1, 4, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {1}, .causal = true}},
        .conditions = {needs_causal(), needs_segments()},
        .forms = forms({[](Ingredients& wrong) {
            wrong.sees = [](const Pair& pair) {
                const Index row = pair.query - pair.segment_begin, col = pair.key - pair.segment_begin;
                return row + pair.segment_begin >= col;
            };
        }}),
    };
}

} // namespace dra::defects
