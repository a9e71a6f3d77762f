#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "tests/gradients.hpp"
#include "tests/property/draw.hpp"

#include <omp.h>

namespace dra::test {
namespace {

/// A random problem, every other one with constant mixing weights. Eight rows at least: of one or two, gradients are
/// differences of equal numbers, and all that is left is rounding.
template <class T> GradientInputs<T> draw_inputs(Limits limits = {}) {
    Question asked = draw_problem(limits);
    asked.q.tokens += 7;
    asked.configuration.stop_gradient_mixing = draw_index(0, 1) == 1;
    RC_LOG() << (asked.configuration.stop_gradient_mixing ? ", mixing weights constant" : "");
    return GradientInputs<T>(asked);
}

template <class T> Gradients<T> poisoned_run(const GradientInputs<T>& inputs, const Attention<T>& result) {
    Gradients<T> found = poisoned_gradients<T>(inputs.problem);
    dilated_attention_gradient<T>(inputs.problem, inputs, result, inputs.dout, found);
    return found;
}

TEST_CASE_TEMPLATE("dilated_attention_gradient agrees with the oracle", T, float, double) {
    for_all([] {
        const GradientInputs<T> inputs = draw_inputs<T>({.tokens = 40, .head_dim = 12});
        const Attention<T> result = dilated_attention<T>(inputs.problem, inputs);
        const Gradients<T> found = poisoned_run(inputs, result);
        const ErrorRatios ratios = error_ratios(inputs.problem, inputs.truth(), result, &found);
        RC_ASSERT(ratios.within_bounds());
        return of_gradient_bound(ratios) * gradient_bound;
    });
}

TEST_CASE_TEMPLATE("ring_attention_gradient agrees with the oracle, whatever R and the layout", T, float, double) {
    for_all([] {
        const GradientInputs<T> inputs = draw_inputs<T>();
        const Attention<T> result = ring_attention<T>(inputs.problem, inputs);
        const Gradients<T> found = ring_attention_gradient<T>(inputs.problem, inputs, result, inputs.dout);
        const ErrorRatios ratios = error_ratios(inputs.problem, inputs.truth(), result, &found);
        RC_ASSERT(ratios.within_bounds());
        return of_gradient_bound(ratios) * gradient_bound;
    });
}

TEST_CASE_TEMPLATE("gradients are the same, bit for bit, for every number of threads", T, float, double) {
    const int threads = omp_get_max_threads();
    for_all([] {
        const GradientInputs<T> inputs = draw_inputs<T>({.tokens = 100, .head_dim = 6});
        const Attention<T> result = dilated_attention<T>(inputs.problem, inputs);
        omp_set_num_threads(1);
        const Gradients<T> expected = poisoned_run(inputs, result);
        for (const int team : {2, 3, 4}) {
            omp_set_num_threads(team);
            RC_ASSERT(same(poisoned_run(inputs, result), expected));
        }
        return 0;
    });
    omp_set_num_threads(threads);
}

TEST_CASE_TEMPLATE("gradients of keys do not change, in any bit, with the loss of earlier rows", T, float, double) {
    for_all([] {
        Question asked = draw_problem({.tokens = 40, .head_dim = 8});
        asked.configuration.causal = true;
        GradientInputs<T> inputs(asked);
        const Attention<T> result = dilated_attention<T>(inputs.problem, inputs);
        const Gradients<T> before = poisoned_run(inputs, result);
        const Index first_kept = draw_index(0, inputs.problem.tokens - 1);
        const Positions earlier{0, 1, first_kept}, kept{first_kept, 1, inputs.problem.tokens - first_kept};
        for (Index b = 0; b < inputs.problem.batch; ++b)
            for (Index h = 0; h < inputs.problem.heads; ++h) inputs.dout.view().rows(b, h, earlier) *= T(1e15);
        const Gradients<T> after = poisoned_run(inputs, result);
        for (Index b = 0; b < inputs.problem.batch; ++b) {
            for (Index h = 0; h < inputs.problem.heads; ++h)
                RC_ASSERT((after.dq.view().rows(b, h, kept) == before.dq.view().rows(b, h, kept)));
            for (Index g = 0; g < inputs.problem.kv_heads; ++g) {
                RC_ASSERT((after.dk.view().rows(b, g, kept) == before.dk.view().rows(b, g, kept)));
                RC_ASSERT((after.dv.view().rows(b, g, kept) == before.dv.view().rows(b, g, kept)));
            }
        }
        return first_kept > 0 && !same(after, before); // the largest figure is 1: some change was noticed where it may
    });
}

} // namespace
} // namespace dra::test
