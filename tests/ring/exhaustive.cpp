#include "tests/exhaustive.hpp"
#include "reference/ring/ring_attention.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

constexpr Index most_ranks = 5;

TEST_CASE("ring_attention is right for every pattern of every short sequence, every R up to 5, every layout") {
    double worst = 0;
    Index runs = 0;
    const PoisonedHeap poison;
    for_each_small_question([&](const Question& asked) {
        const RandomInputs<double> inputs(asked);
        const Oracle truth = inputs.truth();
        for (const Layout layout : layouts)
            for (Index ranks = 1; ranks <= most_ranks; ++ranks) {
                const Problem problem = inputs.on_ring(ranks, layout);
                const ErrorRatios ratios = error_ratios(problem, truth, ring_attention<double>(problem, inputs));
                if (!ratios.within_bounds()) FAIL_CHECK(asked, " on R ", ranks, " ", name(layout));
                worst = std::max(worst, ratios.forward());
                ++runs;
            }
    });
    MESSAGE(runs, " runs, largest error ratio ", worst);
    CHECK(runs == small_questions * 3 * most_ranks);
    CHECK(worst <= forward_bound);
}

} // namespace
} // namespace dra::test
