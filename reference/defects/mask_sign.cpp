#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

/// `row + offset >= col` where `row >= col + offset` is meant: the chunk's start is added to the wrong side, and every
/// chunk but the first is seen whole.
Defect mask_sign() {
    return {
        .id = "mask-sign",
        .kind = Kind::value,
        .title = "The chunk's offset on the wrong side of the causal test",
        .symptom = "The future is visible: rows attend keys of later chunks, and weights of keys in the own chunk, "
                   "beyond the row, are not zero. Rows of the first chunk see everything but their own chunk's future.",
        .cause = "The causal test of a key/value chunk reads `row + offset >= col`, with the chunk's start as offset, "
                 "where col counts from the chunk's start.",
        .repair = "`row >= col + offset`: both sides in global positions. Better: one extent a row, and no mask "
                  "(visibility.hpp).",
        .provenance =
            "The report's class. 75, 94 and 98.6 % of the illegal pairs are visible at n = 64, R = 2, 4 and 8.",
        .witness = {{1, 2, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {1}, .causal = true, .ranks = 2}},
        .conditions = {needs_causal(), needs_chunks()},
        .forms = forms({[](Ingredients& wrong) {
            wrong.sees = [](const Pair& pair) {
                const Index row = pair.query, offset = pair.chunk_begin, col = pair.key - offset;
                return row + offset >= col;
            };
        }}),
    };
}

} // namespace dra::defects
