#include "tests/both_ways.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

constexpr Index most_ranks = DRA_MOST_RANKS; // as many as tokens, so that every row merges one key a step

template <class T> Question of_ranks(Index ranks, bool causal) {
    Question asked{{1, most_ranks, 1, 4}, 1, {{most_ranks}, {1}, Mode::groups, {}, causal}, 11};
    asked.configuration.ranks = ranks;
    return asked;
}

TEST_CASE_TEMPLATE("the error of a ring does not grow with its ranks", T, float, double) {
    for (const bool causal : {false, true}) {
        const Oracle truth = GradientInputs<T>(of_ranks<T>(1, causal)).truth();
        double first = 0;
        for (const Index ranks : {Index{1}, Index{32}, most_ranks}) {
            const GradientInputs<T> inputs(of_ranks<T>(ranks, causal));
            const Both<T> found = run_ring(inputs);
            const ErrorRatios of = error_ratios(inputs.problem, truth, found.forward, &found.backward);
            MESSAGE(std::string(causal ? "causal" : "not causal"), ", R ", ranks, ", error ratios: out ", of.out,
                    " lse ", of.lse, " dq ", of.dq, " dk ", of.dk, " dv ", of.dv);
            CHECK(of.within_bounds());
            const double worst = std::max(of.forward() / forward_bound, of_gradient_bound(of));
            if (ranks == 1) first = worst;
            CHECK(worst <= 2 * first); // one rank merges nothing
        }
    }
}

} // namespace
} // namespace dra::test
