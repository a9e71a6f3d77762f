#include "reference/ring/schedule.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

namespace dra::test {
namespace {

constexpr Layout layouts[] = {Layout::contiguous, Layout::zigzag};

Problem problem_of(const Question& asked) { return Inputs<float>(asked).problem; }

TEST_CASE("every rank holds every owner's shard exactly once, each handed on by the rank before") {
    for (const Layout layout : layouts)
        for (Index ranks = 1; ranks <= 25; ++ranks) {
            const Problem problem = problem_of(
                {{1, 12, 1, 1}, 1, {.segment_lengths = {5}, .dilation_rates = {2}, .ranks = ranks, .layout = layout}});
            std::set<std::pair<Index, Index>> held;
            for (Index rank = 0; rank < ranks; ++rank) {
                const std::vector<RingStep> steps = ring_schedule(problem, rank);
                const std::vector<RingStep> before = ring_schedule(problem, (rank + ranks - 1) % ranks);
                REQUIRE(static_cast<Index>(steps.size()) == ranks);
                CHECK(steps[0].owner == rank);
                for (std::size_t t = 0; t < steps.size(); ++t) {
                    CHECK(held.insert({rank, steps[t].owner}).second);
                    CHECK(steps[t].hand_on == (t + 1 < steps.size()));
                    if (t > 0) CHECK(steps[t].owner == before[t - 1].owner);
                }
            }
            CHECK(static_cast<Index>(held.size()) == ranks * ranks);
        }
}

bool any_pair_visible(const Problem& problem, const std::vector<Interval>& queries, const std::vector<Interval>& keys) {
    for (const Interval& q : queries)
        for (const Interval& k : keys)
            for (Index i = q.begin; i < q.end; ++i)
                for (Index j = k.begin; j < k.end; ++j)
                    for (Index g = 0; g < problem.kv_heads; ++g)
                        if (times_seen(problem, g, i, j) > 0) return true;
    return false;
}

TEST_CASE("a step is needed when some pair is visible, and only then") {
    Index needed = 0, steps = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        const Question asked = draw_question(SeededDraw(seed), {.tokens = 20, .head_dim = 2});
        CAPTURE(asked);
        const Problem problem = problem_of(asked);
        for (Index rank = 0; rank < problem.ranks; ++rank)
            for (const RingStep& step : ring_schedule(problem, rank)) {
                const bool visible =
                    any_pair_visible(problem, owned(problem.layout, rank, problem.ranks, problem.tokens),
                                     owned(problem.layout, step.owner, problem.ranks, problem.tokens));
                if (step.needed != visible) FAIL_CHECK("rank ", rank, " owner ", step.owner);
                needed += visible;
                ++steps;
            }
    }
    MESSAGE("steps ", steps, ", needed ", needed);
    CHECK(needed > steps / 20);
    CHECK(needed < steps * 19 / 20);
}

/// Causal pairs of a dense sequence that each rank works on: the largest share, relative to an equal one.
double imbalance(Layout layout, Index ranks, Index tokens) {
    std::vector<double> work;
    for (Index rank = 0; rank < ranks; ++rank) {
        work.push_back(0);
        for (const auto& [begin, end] : owned(layout, rank, ranks, tokens))
            for (Index i = begin; i < end; ++i) work.back() += static_cast<double>(i + 1);
    }
    return *std::ranges::max_element(work) * static_cast<double>(ranks) /
           std::accumulate(work.begin(), work.end(), 0.0);
}

TEST_CASE("zigzag balances causal work; contiguous leaves the last rank almost twice its share") {
    constexpr Index tokens = 4096;
    for (const Index ranks : {2, 4, 8, 16}) {
        const double contiguous = imbalance(Layout::contiguous, ranks, tokens),
                     zigzag = imbalance(Layout::zigzag, ranks, tokens);
        MESSAGE("R ", ranks, ": largest share contiguous ", contiguous, ", zigzag ", zigzag);
        CHECK(zigzag ==
              doctest::Approx(1).epsilon(1e-12)); // chunks p and 2R-1-p together have the same work for every p
        CHECK(contiguous > 1.9 - 1.0 / static_cast<double>(ranks));
    }
    for (const Index ranks : {3, 5, 7}) { // what does not divide costs at most the last chunk
        const double zigzag = imbalance(Layout::zigzag, ranks, tokens);
        MESSAGE("R ", ranks, ": largest share zigzag ", zigzag);
        CHECK(zigzag < 1.01);
    }
}

} // namespace
} // namespace dra::test
