#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

PositionList repeated(const Problem&, const Piece& piece, PositionList selected) {
    const auto count = selected.size(), length = static_cast<std::size_t>(piece.interval().size());
    for (std::size_t t = count; count > 0 && t < length; ++t) selected.push_back(selected[t % count]);
    return selected;
}

} // namespace

/// Dilated keys are repeated to fill the chunk that they were taken from.
Defect pad_by_repeat() {
    return {
        .id = "pad-by-repeat",
        .kind = Kind::value,
        .title = "Dilated keys repeated to fill the chunk",
        .symptom = "Wrong by some per cent where the number of selected keys does not divide the length that they are "
                   "repeated to: the first ones count once more than the last. Where it divides, out is right, but lse "
                   "is too large by log r, and r^2 times the pairs are computed.",
        .cause = "The code that follows expects as many keys as before the dilation, so the index list is repeated up "
                 "to that length.",
        .repair = "Attend the selected keys, whatever their number; a row that sees fewer keys needs no padding.",
        .provenance = "The report's class: 6.7 to 15 % relative error, and r^2 the compute.",
        .witness = {{1, 3, 1, 1}, 1, {.segment_lengths = {3}, .dilation_rates = {2}}},
        .conditions = {needs_dilation()},
        .forms = forms({[](Ingredients& wrong) { wrong.attended = repeated; }}),
    };
}

} // namespace dra::defects
