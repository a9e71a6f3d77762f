#include "reference/attention/team.hpp"

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
            ++called[static_cast<std::size_t>(thread)];
            in_parallel += omp_get_level();
            share_out(threads, items, [&](Index item) { ++done[static_cast<std::size_t>(item)]; });
        });
        CHECK(std::ranges::all_of(called, [](int times) { return times == 1; }));
        CHECK(std::ranges::all_of(done, [](int times) { return times == 1; }));
        CHECK(in_parallel.load() == (threads == 1 ? 0 : threads)); // of a team of one OpenMP knows nothing
    }
}

} // namespace
} // namespace dra::test
