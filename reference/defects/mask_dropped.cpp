#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

/// Behind the first chunk the causal mask is not applied.
Defect mask_dropped() {
    return {
        .id = "mask-dropped",
        .kind = Kind::value,
        .title = "The mask dropped where a chunk has an offset",
        .symptom = "The future is visible in all chunks but the first, which is right.",
        .cause = "The backend knows only a mask without an offset; `is_causal and offset == 0` drops it for every "
                 "other chunk.",
        .repair = "A backend that cannot express the offset must refuse; a chunk wholly in the past needs no mask, one "
                  "wholly in the future no call.",
        .provenance = "The report's class, its flash backend: the future is visible in later chunks.",
        .witness = {{1, 2, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {1}, .causal = true, .ranks = 2}},
        .conditions = {needs_causal(), needs_chunks()},
        .forms = forms({[](Ingredients& wrong) {
            wrong.sees = [](const Pair& pair) { return pair.chunk_begin > 0 || right::sees(pair); };
        }}),
    };
}

} // namespace dra::defects
