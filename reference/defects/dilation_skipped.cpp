#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// All positions of a piece that is shorter than r.
PositionList undilated_when_short(const Piece& piece) {
    return right::selected(piece.interval().size() < piece.pattern.dilation_rate ? piece.undilated() : piece);
}

} // namespace

/// A chunk, or a tail, that is shorter than r is attended undilated.
Defect dilation_skipped() {
    return {
        .id = "dilation-skipped",
        .kind = Kind::value,
        .title = "Short chunks left undilated",
        .symptom = "Right but for tails, and chunks, of fewer than r tokens: all of their tokens are selected, where "
                   "at most one should be.",
        .cause = "`if n >= dilation_rate:` guards the dilation, and the else branch takes the chunk as it is.",
        .repair = "No guard: a short piece selects one position or none, by the same closed form.",
        .provenance = "The report's class: differs on short tails.",
        .witness = {{1, 1, 2, 1}, 2, {.segment_lengths = {2}, .dilation_rates = {2}, .mode = Mode::mixture}},
        .conditions = {selects_differently(undilated_when_short)},
        .forms = forms({[](Ingredients& wrong) { wrong.selected = undilated_when_short; }}),
    };
}

} // namespace dra::defects
