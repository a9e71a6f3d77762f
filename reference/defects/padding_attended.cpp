#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// Appends the positions from N on that the pattern selects below `end`, in the piece that ends the sequence.
PositionList padded(const Piece& piece, PositionList selected, Index end) {
    if (piece.interval().end < piece.tokens) return selected;
    const Index w = piece.pattern.segment_length;
    const Positions behind = piece.pattern.selected(piece.segment, (piece.segment + 1) * w).within(piece.tokens, end);
    for (Index t = 0; t < behind.count; ++t) selected.push_back(behind[t]);
    return selected;
}

/// The sequence is padded to a multiple of w, or of R chunks.
PositionList padded_to_segment(const Problem&, const Piece& piece, PositionList selected) {
    const Index end = (piece.segment + 1) * piece.pattern.segment_length;
    return padded(piece, std::move(selected), std::min(end, 2 * piece.tokens)); // w may be far beyond N
}
PositionList padded_to_chunks(const Problem& problem, const Piece& piece, PositionList selected) {
    return padded(piece, std::move(selected), problem.ranks * ceil_div(problem.tokens, problem.ranks));
}

} // namespace

/// A ragged sequence is padded with zero keys, which take part in the softmax.
Defect padding_attended() {
    return {
        .id = "padding-attended",
        .kind = Kind::value,
        .title = "Padding keys not masked",
        .symptom = "Right when w divides N, and when causal. Else rows of the last segment are too small: each zero "
                   "key takes the weight of a score of 0, and adds nothing to out. Weights sum to less than one.",
        .cause = "k and v are padded with zeros to whole segments or chunks; a zero key has score 0, not -inf.",
        .repair = "Mask the padding, or do not pad: the last segment is just shorter.",
        .provenance = "Public implementations of dilated attention: relative error 8e-2 at n = 60.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {2}, .dilation_rates = {1}}},
        .conditions = {needs_not_causal()},
        .forms = forms({[](Ingredients& wrong) { wrong.attended = padded_to_segment; },
                        [](Ingredients& wrong) { wrong.attended = padded_to_chunks; }}),
    };
}

} // namespace dra::defects
