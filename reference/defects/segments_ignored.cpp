#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// The pattern with the whole sequence as its one segment.
Pattern whole_sequence(const Problem& problem, Index pattern, Index kv_head) {
    Pattern ignoring = dra::pattern_of(problem, pattern, kv_head);
    ignoring.segment_length = std::max(problem.tokens, ignoring.segment_length);
    return ignoring;
}

/// Where there is one segment, dilating chunks on their own is defect chunk-relative-phase alone.
std::vector<Ingredients> ignoring_segments(const Problem& problem) {
    std::vector<Change> changes = {[](Ingredients& wrong) { wrong.pattern_of = whole_sequence; }};
    if (needs_segments().holds(problem))
        changes.push_back([](Ingredients& wrong) {
            wrong.pattern_of = whole_sequence;
            wrong.selected = counted_from_chunk;
        });
    return forms(std::move(changes))(problem);
}

} // namespace

/// The ring dilates whole chunks and attends all of them: segment lengths have no effect.
Defect segments_ignored() {
    return {
        .id = "segments-ignored",
        .kind = Kind::value,
        .title = "Segments ignored",
        .symptom = "Rows see keys outside of their segment: with w < N weights reach over the whole sequence, and the "
                   "work is N^2/r^2 instead of N w/r^2. With one segment everything is right.",
        .cause = "The segment length is used to form head groups, and by the path for one rank; the ring path goes "
                 "over chunks and never asks for it.",
        .repair = "A pattern's view is one segment; chunks cut segments, and cut nothing else (views.hpp).",
        .provenance = "The report's class: relative error 0.87.",
        .witness = {{1, 2, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}}},
        .conditions = {needs_segments()},
        .forms = ignoring_segments,
    };
}

} // namespace dra::defects
