#include "tests/both_ways.hpp"
#include "tests/property/draw.hpp"

#include <omp.h>

namespace dra::test {
namespace {

template <class T> GradientInputs<T> draw_inputs() {
    Question asked = draw_problem();
    asked.q.tokens += 24; // as in gradient.cpp; more, as many pairs are dropped
    asked.configuration.dropout = static_cast<double>(draw_index(1, 9)) / 10;
    asked.configuration.dropout_seed = static_cast<std::uint64_t>(draw_index(0, 1000));
    asked.configuration.stop_gradient_mixing = draw_index(0, 1) == 1;
    RC_LOG() << ", dropout " << asked.configuration.dropout << " seed " << asked.configuration.dropout_seed;
    return GradientInputs<T>(asked);
}

TEST_CASE_TEMPLATE("under dropout the engine and every ring agree with the oracle, forward and backward", T, float,
                   double) {
    for_all([] {
        const GradientInputs<T> inputs = draw_inputs<T>();
        const Oracle truth = inputs.truth();
        double worst = 0;
        for (const auto& [forward, backward] : {run(inputs), run_ring(inputs)}) {
            const ErrorRatios ratios = error_ratios(inputs.problem, truth, forward, &backward);
            RC_ASSERT(ratios.within_bounds());
            worst = std::max({worst, ratios.forward() / forward_bound, of_gradient_bound(ratios)});
        }
        return worst; // of the bounds
    });
}

TEST_CASE_TEMPLATE("under dropout results are the same, bit for bit, for every number of threads", T, float, double) {
    const int threads = omp_get_max_threads();
    for_all([] {
        const GradientInputs<T> inputs = draw_inputs<T>();
        omp_set_num_threads(1);
        const Both<T> expected = run(inputs);
        omp_set_num_threads(3);
        const Both<T> found = run(inputs);
        RC_ASSERT(same(found.forward, expected.forward));
        RC_ASSERT(same(found.backward, expected.backward));
        return 0;
    });
    omp_set_num_threads(threads);
}

} // namespace
} // namespace dra::test
