#include "tests/golden.hpp"
#include "distributed/backends/attention_by_threads.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

using namespace distributed;

constexpr Index most_ranks = 8;

/// Of so many combinations of a case, R, strategy and layout one is run.
constexpr Index one_in = DRA_GOLDEN_ONE_IN;

TEST_CASE_TEMPLATE(
    "ranks that are threads give every golden case's own results and gradients, R = 1..8, and hold what is predicted",
    T, float, double) {
    ErrorRatios worst;
    Index number = 0, runs = 0;
    for (const std::string& name : golden_names()) {
        const Golden golden = load_golden(name);
        const Inputs<T> inputs{golden.q.cast<T>(), golden.k.cast<T>(), golden.v.cast<T>()};
        const Tensor<T> dout = golden.dout.cast<T>();
        for (Index ranks = 1; ranks <= most_ranks; ++ranks)
            for (const Strategy strategy : all_strategies)
                for (const Layout layout : layouts) {
                    if (number++ % one_in != 0) continue;
                    INFO(name, ", R ", ranks, ", ", dra::name(strategy), ", ", dra::name(layout));
                    const Problem problem = golden.problem(ranks, layout);
                    const AllRanks<T> all = attention_by_threads<T>(problem, strategy, inputs, dout.view());
                    const ErrorRatios ratios = error_ratios(problem, golden.expected, all.attention, &*all.gradients);
                    CHECK(ratios.within_bounds());
                    for (Index rank = 0; rank < ranks; ++rank)
                        CHECK(all.figures[rank].memory_beyond_shards ==
                              memory_beyond_shards(strategy, problem, rank, true, sizeof(T)));
                    worst = {std::max(worst.out, ratios.out), std::max(worst.lse, ratios.lse),
                             std::max(worst.dq, ratios.dq), std::max(worst.dk, ratios.dk),
                             std::max(worst.dv, ratios.dv)};
                    ++runs;
                }
    }
    MESSAGE(runs, " runs; largest error ratios: out ", worst.out, ", lse ", worst.lse, ", dq ", worst.dq, ", dk ",
            worst.dk, ", dv ", worst.dv);
    CHECK(runs > 0);
}

} // namespace
} // namespace dra::test
