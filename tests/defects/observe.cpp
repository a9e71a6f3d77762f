#include "reference/defects/defect.hpp"
#include "tests/exhaustive.hpp"

#include <doctest/doctest.h>

namespace dra::defects {
namespace {

using test::RandomInputs;

/// The largest error ratio of out, lse, dq, dk and dv, each as a share of its bound, in double.
double right_excess(test::Question asked, Index ranks, Layout layout) {
    asked.configuration.stop_gradient_mixing = asked.seed % 2 == 1;
    const RandomInputs<double> posed(asked);
    const Tensor<double> dout = random_normal<double>(asked.q, asked.seed + 3);
    const Problem problem = posed.on_ring(ranks, layout);
    const Observation seen = observe({}, problem, {{posed.q, posed.k, posed.v}, dout});
    REQUIRE_MESSAGE(seen.error.empty(), seen.error);
    const Oracle truth = oracle<double>(problem, {posed.q, posed.k, posed.v}, dout.view());
    const ErrorRatios ratios = error_ratios(problem, truth, seen.attention, &*seen.gradients);
    if (!ratios.within_bounds()) FAIL_CHECK(asked, " on R ", ranks, " ", name(layout));
    return std::max(ratios.forward() / forward_bound, std::max({ratios.dq, ratios.dk, ratios.dv}) / gradient_bound);
}

TEST_CASE("right ingredients give the oracle's out, lse, dq, dk and dv on random problems, for every R, mixing stopped "
          "or not") {
    double worst = 0;
    for (std::uint64_t seed = 1; seed <= DRA_RANDOM_PROBLEMS; ++seed) {
        const test::Question asked = test::draw_question(test::SeededDraw(seed));
        for (const Layout layout : test::layouts)
            for (const Index ranks : {1, 2, 3, 4, 7}) worst = std::max(worst, right_excess(asked, ranks, layout));
    }
    MESSAGE("largest error, as a share of its bound: ", worst);
    CHECK(worst <= 1);
    CHECK(worst > 0);
}

} // namespace
} // namespace dra::defects
