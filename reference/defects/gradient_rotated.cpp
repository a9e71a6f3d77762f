#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

/// dk and dv of a ring step are added to those of the neighbour of the rank that owns the keys.
Defect gradient_rotated() {
    const auto to_neighbour = [](Index by) {
        return [by](Ingredients& wrong) {
            wrong.gradient_owner = [by](Index, Index owner, Index ranks) { return (owner + by + ranks) % ranks; };
        };
    };
    const auto remote_steps_to_neighbour = [](Index by) {
        return [by](Ingredients& wrong) {
            wrong.gradient_owner = [by](Index rank, Index owner, Index ranks) {
                return rank == owner ? owner : (owner + by + ranks) % ranks;
            };
        };
    };
    return {
        .id = "gradient-rotated",
        .kind = Kind::gradient,
        .title = "dk and dv of a ring step added to the wrong rank's",
        .symptom = "out, lse and dq are right. dk and dv are right numbers in the wrong place: shifted by one chunk, "
                   "or sums of what belongs to neighbouring chunks.",
        .cause = "Keys and values are handed on before their gradients are added, or the gradients travel one hop more "
                 "or fewer than the keys they belong to.",
        .repair = "dk and dv travel with their k and v, and take one last hop home; or name the owner of every step "
                  "(schedule.hpp) and add to its shard.",
        .provenance = "Public implementations of ring attention: relative error 0.8 to 11.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}, .ranks = 2}},
        .conditions = {needs_ranks()},
        .forms =
            forms({to_neighbour(1), to_neighbour(-1), remote_steps_to_neighbour(1), remote_steps_to_neighbour(-1)}),
    };
}

} // namespace dra::defects
