#include "reference/attention/dilated_attention.hpp"
#include "reference/ring/ring_attention.hpp"
#include "tests/property/draw.hpp"

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("dilated_attention agrees with the oracle", T, float, double) {
    for_all([] {
        const RandomInputs<T> inputs(draw_problem({.tokens = 40, .head_dim = 20}));
        Attention<T> result = poisoned<T>(inputs.problem);
        dilated_attention<T>(inputs.problem, inputs, result);
        const double found = error_ratios(inputs.problem, inputs.truth(), result).forward();
        RC_ASSERT(found <= forward_bound);
        return found;
    });
}

TEST_CASE_TEMPLATE("ring_attention agrees with the oracle", T, float, double) {
    for_all([] {
        const RandomInputs<T> inputs(draw_problem());
        const PoisonedHeap poison;
        const Attention<T> result = ring_attention<T>(inputs.problem, inputs);
        const double found = error_ratios(inputs.problem, inputs.truth(), result).forward();
        RC_ASSERT(found <= forward_bound);
        return found;
    });
}

} // namespace
} // namespace dra::test
