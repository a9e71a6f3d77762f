#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// All positions of a segment that is shorter than w.
PositionList dense_in_tail(const Piece& piece) {
    return right::selected(piece.whole().size() < piece.pattern.segment_length ? piece.undilated() : piece);
}

} // namespace

/// The remainder of a ragged sequence is attended densely.
Defect tail_dense() {
    return {
        .id = "tail-dense",
        .kind = Kind::value,
        .title = "The remainder attended densely",
        .symptom = "Right but for the tokens behind the last whole segment: there rows are filled that should be "
                   "empty, and rows see r times the keys.",
        .cause = "Whole segments are reshaped to [N / w, w] and dilated; what is left over takes another path, which "
                 "does not dilate.",
        .repair = "The last segment is a segment like the others, just shorter.",
        .provenance = "The report's class: differs.",
        .witness = {{1, 1, 2, 1}, 2, {.segment_lengths = {2}, .dilation_rates = {2}, .mode = Mode::mixture}},
        .conditions = {needs_short_tail(), selects_differently(dense_in_tail)},
        .forms = forms({[](Ingredients& wrong) { wrong.selected = dense_in_tail; }}),
    };
}

} // namespace dra::defects
