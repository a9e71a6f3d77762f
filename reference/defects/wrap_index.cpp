#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// (t*r + o) mod the segment's length, for every t*r below it.
PositionList wrapped(const Piece& piece) {
    PositionList list;
    const auto [begin, end] = piece.whole();
    for (Index t = 0; t < end - begin; t += piece.pattern.dilation_rate)
        if (const Index n = begin + (t + piece.pattern.phase) % (end - begin);
            piece.chunk.begin <= n && n < piece.chunk.end)
            list.push_back(n);
    return list;
}

} // namespace

/// Indices are taken modulo the segment, so that the last ones come back below the phase.
Defect wrap_index() {
    return {
        .id = "wrap-index",
        .kind = Kind::value,
        .title = "Indices that wrap around the segment",
        .symptom = "In segments whose length r does not divide, a position below the phase is selected too: one row "
                   "more is filled, and every row of the segment sees one key more.",
        .cause = "`(arange(0, w, r) + o) % w`: w = 8, r = 3, o = 2 gives 2, 5, 0.",
        .repair = "`arange(o, w, r)`: fewer positions, none of them twice or too early (Pattern::selected).",
        .provenance = "The report's class: w = 8, r = 3, o = 2 selects [2, 5, 0].",
        .witness = {{1, 1, 2, 1}, 2, {.segment_lengths = {2}, .dilation_rates = {2}, .mode = Mode::mixture}},
        .conditions = {selects_differently(wrapped)},
        .forms = forms({[](Ingredients& wrong) { wrong.selected = wrapped; }}),
    };
}

} // namespace dra::defects
