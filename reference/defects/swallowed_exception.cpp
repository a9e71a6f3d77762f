#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

#include <cmath>

namespace dra::defects {

namespace {

/// The lost chunk counts in the maximum and the sum, but adds nothing to out, which is scaled down or not even that.
Change losing(Index lost, bool scaled, bool in_order) {
    return [=](Ingredients& wrong) {
        wrong.merge = [=](RunningRow into, const RunningRow& from, const MergePart& chunk) {
            if (chunk.index != lost || from.sum == 0) return right::merge(into, from, chunk);
            const Eigen::RowVectorXd before = into.out;
            const double maximum = std::max(into.maximum, from.maximum), a = std::exp(into.maximum - maximum);
            right::merge(into, from, chunk);
            into.out = scaled ? a * before : before;
        };
        if (in_order) wrong.step_at = right::step_in_order;
    };
}

/// The numbers of the chunks that have a token, the last one first: no other can be lost.
std::vector<Index> chunks_to_lose(const Problem& problem) {
    std::vector<Index> numbers;
    for (Index rank = problem.ranks - 1; rank >= 0; --rank) {
        const std::vector<Interval> own = owned(problem, rank);
        for (std::size_t c = own.size(); c-- > 0;)
            if (own[c].size() > 0) numbers.push_back(rank * static_cast<Index>(own.size()) + static_cast<Index>(c));
    }
    return numbers;
}

std::vector<Ingredients> losing_any_chunk(const Problem& problem) {
    const std::vector<Index> numbers = chunks_to_lose(problem);
    std::vector<Change> changes;
    for (const Index lost : numbers) changes.push_back(losing(lost, true, false));
    for (const Index lost : numbers)
        for (const bool in_order : {true, false}) changes.push_back(losing(lost, false, in_order));
    return forms(std::move(changes))(problem);
}

} // namespace

/// An error inside a chunk is caught after the running maximum and sum were changed: the chunk is lost.
Defect swallowed_exception() {
    return {
        .id = "swallowed-exception",
        .kind = Kind::value,
        .title = "A chunk lost in an exception handler",
        .symptom = "Finite and plausible. Rows that see keys of one chunk are too small: their weights sum to less "
                   "than one, by that chunk's share. lse is right.",
        .cause = "`except: pass` around a fallback, after the statistics were already updated in place.",
        .repair = "Compute the partial first, then merge it: nothing is changed before nothing can fail. Do not catch "
                  "what you cannot name.",
        .provenance = "The report's class: finite and plausible.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}}},
        .conditions = {},
        .forms = losing_any_chunk,
        .by_chunk = true,
    };
}

} // namespace dra::defects
