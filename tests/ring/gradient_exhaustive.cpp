#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "tests/exhaustive.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

constexpr Index rank_counts[] = {1, 2, 3, 5};

TEST_CASE("ring_attention_gradient is right for every pattern of every short sequence, every R of 1, 2, 3, "
          "5, every layout") {
    double worst = 0;
    Index runs = 0;
    for_each_small_question([&](const Question& asked) {
        const GradientInputs<double> inputs(asked);
        const Oracle truth = inputs.truth();
        for (const Layout layout : layouts)
            for (const Index ranks : rank_counts) {
                const Problem problem = inputs.on_ring(ranks, layout);
                const Attention<double> result = ring_attention<double>(problem, inputs);
                const Gradients<double> gradients =
                    ring_attention_gradient<double>(problem, inputs, result, inputs.dout);
                const ErrorRatios ratios = error_ratios(problem, truth, result, &gradients);
                if (!ratios.within_bounds()) FAIL_CHECK(asked, " on R ", ranks, " ", name(layout));
                worst = std::max(worst, of_gradient_bound(ratios));
                ++runs;
            }
    });
    MESSAGE(runs, " runs, largest error ratio ", worst * gradient_bound);
    CHECK(runs == small_questions * 3 * static_cast<Index>(std::size(rank_counts)));
    CHECK(worst <= 1);
}

} // namespace
} // namespace dra::test
