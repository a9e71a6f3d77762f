#include "tests/exhaustive.hpp"
#include "reference/attention/dilated_attention.hpp"

#include <doctest/doctest.h>
#include <omp.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("dilated_attention is right for every pattern of every short sequence", T, float, double) {
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1); // teams for twelve rows cost more than the rows
    double worst = 0;
    Index problems = 0;
    for_each_small_question([&](const Question& asked) {
        const RandomInputs<T> inputs(asked);
        Attention<T> result = poisoned<T>(inputs.problem);
        dilated_attention<T>(inputs.problem, inputs, result);
        const ErrorRatios ratios = error_ratios(inputs.problem, inputs.truth(), result);
        if (!ratios.within_bounds()) FAIL_CHECK(asked);
        worst = std::max(worst, ratios.forward());
        ++problems;
    });
    omp_set_num_threads(threads);
    MESSAGE(problems, " problems, largest error ratio ", worst);
    CHECK(problems == small_questions);
    CHECK(worst <= forward_bound);
}

} // namespace
} // namespace dra::test
