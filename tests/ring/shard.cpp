#include "reference/ring/shard.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <set>

namespace dra::test {
namespace {

/// The part of a problem that says who owns what.
Problem ring_of(Layout layout, Index ranks, Index tokens, std::vector<Index> segment_lengths = {1}) {
    Problem problem{};
    problem.layout = layout;
    problem.ranks = ranks;
    problem.tokens = tokens;
    problem.segment_lengths = std::move(segment_lengths);
    return problem;
}

/// Every layout, and that which depends on the longest segment with several.
std::vector<Problem> rings_of(Index ranks, Index tokens) {
    return {ring_of(Layout::contiguous, ranks, tokens), ring_of(Layout::zigzag, ranks, tokens),
            ring_of(Layout::segment_zigzag, ranks, tokens),
            ring_of(Layout::segment_zigzag, ranks, tokens, {2, ceil_div(tokens, 3)}),
            ring_of(Layout::segment_zigzag, ranks, tokens, {std::numeric_limits<Index>::max(), 1})};
}

TEST_CASE("every token is owned exactly once, in order, for every R up to 2 N + 1") {
    Index shards = 0;
    for (Index tokens = 1; tokens <= 40; ++tokens)
        for (Index ranks = 1; ranks <= 2 * tokens + 1; ++ranks)
            for (const Problem& problem : rings_of(ranks, tokens)) {
                std::multiset<Index> owned_tokens;
                for (Index rank = 0; rank < ranks; ++rank) {
                    Index last = -1;
                    const std::vector<Interval> intervals = owned(problem, rank);
                    Index total = 0;
                    for (const Interval& interval : intervals) {
                        const Index begin = interval.begin, end = interval.end;
                        if (begin < 0 || begin > end || end > tokens)
                            FAIL_CHECK("N ", tokens, " R ", ranks, " [", begin, ", ", end, ")");
                        for (Index n = begin; n < end; ++n) {
                            if (n <= last) FAIL_CHECK("N ", tokens, " R ", ranks, " rank ", rank, " token ", n);
                            last = n;
                            owned_tokens.insert(n);
                        }
                        total += end - begin;
                    }
                    CHECK(tokens_in(intervals) == total);
                    ++shards;
                }
                std::multiset<Index> every;
                for (Index n = 0; n < tokens; ++n) every.insert(every.end(), n);
                CHECK(owned_tokens == every);
            }
    MESSAGE("shards looked at ", shards);
}

TEST_CASE("an interval that nobody set begins and ends at token 0") {
    CHECK(Interval{} == Interval{0, 0});
    CHECK(Interval{3, 7}.size() == 4);
}

TEST_CASE("shards are those of the definition") {
    using Intervals = std::vector<Interval>;
    const auto owned = [](Layout layout, Index rank, Index ranks, Index tokens, Index longest_segment = 1) {
        return dra::owned(ring_of(layout, ranks, tokens, {1, longest_segment, 1}), rank);
    };
    CHECK(owned(Layout::contiguous, 0, 3, 10) == Intervals{{0, 4}});
    CHECK(owned(Layout::contiguous, 2, 3, 10) == Intervals{{8, 10}});
    CHECK(owned(Layout::contiguous, 3, 4, 5) == Intervals{{5, 5}}); // chunks of 2: the last is empty, not negative
    CHECK(owned(Layout::zigzag, 0, 2, 8) == Intervals{{0, 2}, {6, 8}});
    CHECK(owned(Layout::zigzag, 1, 2, 8) == Intervals{{2, 4}, {4, 6}});
    CHECK(owned(Layout::zigzag, 0, 3, 10) == Intervals{{0, 2}, {10, 10}});
    CHECK(owned(Layout::zigzag, 1, 3, 10) == Intervals{{2, 4}, {8, 10}});

    // 4 ranks of 4 tokens: segments of up to 4 make blocks of one rank, of up to 8 blocks of two.
    CHECK(owned(Layout::segment_zigzag, 2, 4, 16, 4) == Intervals{{8, 10}, {10, 12}});
    CHECK(owned(Layout::segment_zigzag, 0, 4, 16, 5) == Intervals{{0, 2}, {6, 8}});
    CHECK(owned(Layout::segment_zigzag, 2, 4, 16, 8) == Intervals{{8, 10}, {14, 16}});
    CHECK(owned(Layout::segment_zigzag, 3, 4, 16, 8) == Intervals{{10, 12}, {12, 14}});
    // Blocks of three, of which the last has one rank left, whose two chunks are not of the others' length.
    CHECK(owned(Layout::segment_zigzag, 1, 4, 15, 12) == Intervals{{2, 4}, {8, 10}});
    CHECK(owned(Layout::segment_zigzag, 3, 4, 15, 12) == Intervals{{12, 14}, {14, 15}});
    // 5 ranks of 2 tokens, of which the last one has none.
    CHECK(owned(Layout::segment_zigzag, 4, 5, 8, 4) == Intervals{{8, 8}, {8, 8}});
}

TEST_CASE("segment-zigzag is zigzag where the longest segment spans all ranks") {
    for (Index tokens = 1; tokens <= 20; ++tokens)
        for (Index ranks = 1; ranks <= 2 * tokens + 1; ++ranks)
            for (Index rank = 0; rank < ranks; ++rank)
                CHECK(owned(ring_of(Layout::segment_zigzag, ranks, tokens, {tokens + ranks}), rank) ==
                      owned(ring_of(Layout::zigzag, ranks, tokens), rank));
}

TEST_CASE_TEMPLATE("scatter, then gather, is the identity, and overwrites every element", T, float, double) {
    for (const Index tokens : {1, 2, 7, 16, 23})
        for (Index ranks = 1; ranks <= 2 * tokens + 1; ++ranks)
            for (const Problem& problem : rings_of(ranks, tokens)) {
                const Tensor<T> tensor = random_normal<T>({2, tokens, 3, 2}, 1);
                std::vector<Shard<T>> shards = scatter<T>(problem, tensor);
                REQUIRE(static_cast<Index>(shards.size()) == ranks);
                Tensor<T> back(tensor.shape(), std::numeric_limits<T>::quiet_NaN());
                gather<T>(shards, back);
                CHECK((back.flat() == tensor.flat()).all());
            }
}

TEST_CASE("a shard stores its tokens interval after interval, and finds global positions in them") {
    Tensor<double> tensor({1, 23, 1, 1});
    for (Index n = 0; n < 23; ++n) tensor(0, n, 0, 0) = static_cast<double>(n);
    Index found = 0;
    for (const Index ranks : {1, 2, 3, 5, 30})
        for (const Problem& problem : rings_of(ranks, 23))
            for (const auto& shard : scatter<double>(problem, tensor))
                for (const Positions positions : {Positions{0, 1, 23}, Positions{2, 5, 4}, Positions{1, 2, 11}})
                    for (std::size_t i = 0; i < shard.intervals.size(); ++i) {
                        std::vector<double> expected, rows;
                        for (Index t = 0; t < positions.count; ++t)
                            if (positions[t] >= shard.intervals[i].begin && positions[t] < shard.intervals[i].end)
                                expected.push_back(static_cast<double>(positions[t]));
                        const Positions local = shard.local(i, positions);
                        for (Index t = 0; t < local.count; ++t) rows.push_back(shard.rows(0, local[t], 0, 0));
                        CHECK(rows == expected);
                        found += local.count;
                    }
    CHECK(found == 5 * 5 * (23 + 4 + 11)); // every position in some shard of every ring
    CHECK(local({{0, 2}, {5, 9}, {12, 20}}, 2, {13, 3, 2}) == Positions{2 + 4 + 1, 3, 2}); // three intervals, too
}

} // namespace
} // namespace dra::test
