#include "reference/attention/team.hpp"
#include "tests/both_ways.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace dra::test {
namespace {

TEST_CASE("a team is as many threads as were asked for, and does every item once") {
    constexpr Index items = 50;
    for (int threads = 1; threads <= 4; ++threads) {
        CAPTURE(threads);
        std::vector<std::atomic<int>> called(static_cast<std::size_t>(threads)), done(items);
        std::atomic<int> in_parallel = 0;
        with_team(threads, [&](int thread) {
            ++called[thread];
            in_parallel += omp_get_level();
            share_out(threads, items, [&](Index item) { ++done[item]; });
        });
        CHECK(std::ranges::all_of(called, [](int times) { return times == 1; }));
        CHECK(std::ranges::all_of(done, [](int times) { return times == 1; }));
        CHECK(in_parallel.load() == (threads == 1 ? 0 : threads)); // of a team of one OpenMP knows nothing
    }
}

TEST_CASE("a call by one thread of the caller's own team, for a team of one, does not meet the others at a barrier") {
    const GradientInputs<float> inputs({{1, 40, 2, 8}, 2, {{16}, {1}}, 3});
    bool done = false;
#pragma omp parallel num_threads(2)
    if (omp_get_thread_num() == 0) {
        omp_set_num_threads(1); // of this thread's teams
        const Both<float> result = run(inputs);
        done = error_ratios(inputs.problem, inputs.truth(), result.forward).forward() <= forward_bound;
    }
    CHECK(done);
}

} // namespace
} // namespace dra::test
