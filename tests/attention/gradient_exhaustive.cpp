#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "tests/exhaustive.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>
#include <omp.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("dilated_attention_gradient is right for every pattern of every short sequence", T, float, double) {
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1); // teams for twelve rows cost more than the rows
    double worst = 0;
    Index problems = 0;
    for_each_small_question([&](const Question& asked) {
        const GradientInputs<T> inputs(asked);
        const Attention<T> result = dilated_attention<T>(inputs.problem, inputs);
        Gradients<T> gradients = poisoned_gradients<T>(inputs.problem);
        dilated_attention_gradient<T>(inputs.problem, inputs, result, inputs.dout, gradients);
        const ErrorRatios ratios = error_ratios(inputs.problem, inputs.truth(), result, &gradients);
        if (!ratios.within_bounds()) FAIL_CHECK(asked);
        worst = std::max(worst, of_gradient_bound(ratios));
        ++problems;
    });
    omp_set_num_threads(threads);
    MESSAGE(problems, " problems, largest error ratio ", worst * gradient_bound);
    CHECK(problems == small_questions);
    CHECK(worst <= 1);
}

} // namespace
} // namespace dra::test
