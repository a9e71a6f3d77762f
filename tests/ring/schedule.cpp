#include "reference/ring/round.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

namespace dra::test {
namespace {

Problem problem_of(const Question& asked) { return RandomInputs<float>(asked).problem; }

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
                const bool visible = any_pair_visible(problem, owned(problem, rank), owned(problem, step.owner));
                if (step.needed != visible) FAIL_CHECK("rank ", rank, " owner ", step.owner);
                needed += visible;
                ++steps;
            }
    }
    MESSAGE("steps ", steps, ", needed ", needed);
    CHECK(needed > steps / 20);
    CHECK(needed < steps * 19 / 20);
}

TEST_CASE("a round works at the needed steps of all ranks, each once, and step after step") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const Question asked = draw_question(SeededDraw(seed), {.tokens = 20, .head_dim = 2});
        CAPTURE(asked);
        const Problem problem = problem_of(asked);
        std::set<std::pair<Index, Index>> needed, worked; // rank, owner
        for (Index rank = 0; rank < problem.ranks; ++rank)
            for (const RingStep& step : ring_schedule(problem, rank))
                if (step.needed) needed.emplace(rank, step.owner);
        Index before = 0, calls = 0;
        go_round(problem, [&](std::size_t of_rank, std::size_t of_owner) {
            const auto rank = static_cast<Index>(of_rank), owner = static_cast<Index>(of_owner);
            const Index step = (rank - owner + problem.ranks) % problem.ranks;
            CHECK(before <= step);
            before = step;
            worked.emplace(rank, owner);
            ++calls;
        });
        CHECK(worked == needed);
        CHECK(calls == static_cast<Index>(needed.size()));
    }
}

/// Causal pairs that each rank works on: the largest share, relative to an equal one. One head.
double imbalance(const Problem& problem) {
    const Pattern pattern = pattern_of(problem, 0, 0);
    std::vector<double> work;
    for (Index rank = 0; rank < problem.ranks; ++rank) {
        work.push_back(0);
        for (const auto& [begin, end] : owned(problem, rank))
            for (Index i = begin; i < end; ++i)
                work.back() += static_cast<double>(i - pattern.segment_of(i) * pattern.segment_length + 1);
    }
    return *std::ranges::max_element(work) * static_cast<double>(problem.ranks) /
           std::accumulate(work.begin(), work.end(), 0.0);
}

constexpr Index tokens = 4096;

Problem causal(Layout layout, Index ranks, Index segment_length) {
    return problem_of({{1, tokens, 1, 1},
                       1,
                       {.segment_lengths = {segment_length},
                        .dilation_rates = {1},
                        .causal = true,
                        .ranks = ranks,
                        .layout = layout}});
}

TEST_CASE("zigzag balances causal work; contiguous leaves the last rank almost twice its share") {
    for (const Index ranks : {2, 4, 8, 16}) {
        const double contiguous = imbalance(causal(Layout::contiguous, ranks, tokens)),
                     zigzag = imbalance(causal(Layout::zigzag, ranks, tokens));
        MESSAGE("R ", ranks, ": largest share contiguous ", contiguous, ", zigzag ", zigzag);
        CHECK(zigzag ==
              doctest::Approx(1).epsilon(1e-12)); // chunks p and 2R-1-p together have the same work for every p
        CHECK(contiguous > 1.9 - 1.0 / static_cast<double>(ranks));
    }
    for (const Index ranks : {3, 5, 7}) { // what does not divide costs at most the last chunk
        const double zigzag = imbalance(causal(Layout::zigzag, ranks, tokens));
        MESSAGE("R ", ranks, ": largest share zigzag ", zigzag);
        CHECK(zigzag < 1.01);
    }
}

/// Steps at which a rank attends keys, over all ranks.
Index needed_steps(const Problem& problem) {
    Index needed = 0;
    for (Index rank = 0; rank < problem.ranks; ++rank)
        for (const RingStep& step : ring_schedule(problem, rank)) needed += step.needed;
    return needed;
}

TEST_CASE("segment-zigzag balances causal work as zigzag does, and every segment stays with the ranks of its block") {
    constexpr Index ranks = 8;
    for (const Index block : {2, 4}) { // ranks that a segment spans
        const Index w = block * tokens / ranks;
        const Problem contiguous = causal(Layout::contiguous, ranks, w), zigzag = causal(Layout::zigzag, ranks, w),
                      by_segment = causal(Layout::segment_zigzag, ranks, w);
        CHECK(imbalance(by_segment) == doctest::Approx(1).epsilon(1e-12));
        CHECK(imbalance(contiguous) == doctest::Approx(2 - 1.0 / static_cast<double>(block)).epsilon(0.01));
        // Every rank of a block needs the keys of all of them, but no others; a contiguous one those that are not
        // later.
        CHECK(needed_steps(by_segment) == ranks * block);
        CHECK(needed_steps(contiguous) == ranks * (block + 1) / 2);
        MESSAGE("segments of ", block, " ranks: needed steps contiguous ", needed_steps(contiguous), ", zigzag ",
                needed_steps(zigzag), ", segment-zigzag ", needed_steps(by_segment), "; largest share ",
                imbalance(contiguous), ", ", imbalance(zigzag), ", ", imbalance(by_segment));
        for (Index rank = 0; rank < ranks; ++rank)
            for (const RingStep& step : ring_schedule(by_segment, rank))
                CHECK(step.needed == (step.owner / block == rank / block));
    }
}

} // namespace
} // namespace dra::test
