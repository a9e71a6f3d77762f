#include "tests/exhaustive.hpp"
#include "distributed/backends/attention_by_threads.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

using namespace distributed;

constexpr Index most_ranks = 6;

/// Of every so many small questions one is asked, strategies, layouts and R taking turns; all are asked where it is 1.
constexpr Index one_in = DRA_ONE_IN;

TEST_CASE("ranks that are threads are right for small questions, every strategy, layout and R up to 6") {
    double worst = 0;
    Index number = 0, runs = 0;
    for_each_small_question([&](const Question& asked) {
        const GradientInputs<double> inputs(asked);
        std::optional<Oracle> truth;
        for (const Strategy strategy : all_strategies)
            for (const Layout layout : layouts)
                for (Index ranks = 1; ranks <= most_ranks; ++ranks) {
                    if (philox({static_cast<std::uint32_t>(number++), 0, 0, 0}, philox_key(1))[0] % one_in != 0)
                        continue;
                    if (!truth) truth = inputs.truth();
                    const Problem problem = inputs.on_ring(ranks, layout);
                    const AllRanks<double> all =
                        attention_by_threads<double>(problem, strategy, inputs, inputs.dout.view());
                    const ErrorRatios ratios = error_ratios(problem, *truth, all.attention, &*all.gradients);
                    if (!ratios.within_bounds())
                        FAIL_CHECK(asked, " on R ", ranks, " ", name(layout), " ", name(strategy));
                    worst = std::max(worst, std::max(ratios.forward() / forward_bound, of_gradient_bound(ratios)));
                    ++runs;
                }
    });
    MESSAGE(runs, " runs, largest share of a bound ", worst);
    CHECK(runs > 0);
    CHECK(worst <= 1);
}

} // namespace
} // namespace dra::test
