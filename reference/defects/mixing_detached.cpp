#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

Condition needs_differentiated_mixing() {
    return {"mixing weights are to be taken for constants",
            [](const Problem& problem) { return !problem.stop_gradient_mixing; }};
}

} // namespace

/// The weights that mix patterns are taken for constants.
Defect mixing_detached() {
    return {
        .id = "mixing-detached",
        .kind = Kind::gradient,
        .title = "Mixing weights not differentiated",
        .symptom = "out, lse and dv are right, dq and dk wrong by some per cent, only in mixtures. Rows that one "
                   "pattern selects are right.",
        .cause = "The weights e^(lse_i - lse) are computed under `no_grad`, or detached. torchscale does so on "
                 "purpose; as an option it is `stop_gradient_mixing`.",
        .repair = "One softmax over all keys of all patterns has one delta a row: sum over all patterns of p dP.",
        .provenance = "torchscale: dq wrong by 7.7 %, dk by 8.7 %.",
        .witness = {{1, 2, 1, 1}, 1, {.segment_lengths = {1, 2}, .dilation_rates = {1, 1}, .mode = Mode::mixture}},
        .conditions = {needs_mixture(), needs_differentiated_mixing()},
        .forms = forms({[](Ingredients& wrong) {
            wrong.delta = [](const Problem&, double, double this_pattern) { return this_pattern; };
        }}),
    };
}

} // namespace dra::defects
