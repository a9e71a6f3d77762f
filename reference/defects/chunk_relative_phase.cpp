#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

/// The dilation starts anew in every chunk, instead of going on from where the segment began.
Defect chunk_relative_phase() {
    return {
        .id = "chunk-relative-phase",
        .kind = Kind::value,
        .title = "Dilation counted from the start of the chunk",
        .symptom = "Right for one chunk, and wherever r divides the chunk's length; else the result depends on the "
                   "number of ranks. Rows that should be empty are filled and the other way round.",
        .cause = "Each rank dilates the chunk that it holds with `arange(offset, length, r)`, counting from its own "
                 "first token.",
        .repair = "Positions are global: select from the segment's start, then cut to the chunk (Positions::within).",
        .provenance = "The report's class: R = 2 and R = 5 differ by 1.24.",
        .witness = {{1, 2, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {2}, .ranks = 2}},
        .conditions = {needs_chunks(), selects_differently(counted_from_chunk)},
        .forms = forms({[](Ingredients& wrong) { wrong.selected = counted_from_chunk; },
                        [](Ingredients& wrong) {
                            wrong.attended = [](const Problem&, const Piece& piece, const PositionList&) {
                                return counted_from_chunk(piece);
                            };
                        }}),
    };
}

} // namespace dra::defects
