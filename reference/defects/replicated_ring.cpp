#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

/// Every rank holds all of q, k and v, and computes all rows.
Defect replicated_ring() {
    return {
        .id = "replicated-ring",
        .kind = Kind::cost,
        .title = "Every rank computes everything",
        .symptom = "Results are right. R ranks take as long as one, and each needs the memory of the whole problem; "
                   "what is sent was there already.",
        .cause = "The module is given whole tensors on every rank, cuts its own chunk of k and v out of them, gathers "
                 "the chunks back, and attends with all queries.",
        .repair = "Shard q, k, v, out and lse; a rank computes its own rows (shard.hpp). Count the work: pairs of all "
                  "ranks together do not depend on R.",
        .provenance = "The report's class: R times the work, needed traffic 0.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}, .ranks = 2}},
        .conditions = {needs_ranks()},
        .forms = forms({[](Ingredients& wrong) {
            wrong.computed = [](const Problem& problem, Index) -> std::vector<Interval> {
                return {{0, problem.tokens}};
            };
        }}),
    };
}

} // namespace dra::defects
