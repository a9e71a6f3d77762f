#include "reference/definition/pattern.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace dra {
namespace {

Problem problem_of(Index tokens, Index kv_heads, std::vector<Index> w, std::vector<Index> r, Mode mode,
                   PhaseRule phase) {
    const TensorInfo q{DType::f32, {1, tokens, kv_heads, 1}};
    return validate({.segment_lengths = std::move(w), .dilation_rates = std::move(r), .mode = mode, .phase = phase},
                    {q, q, q, std::nullopt});
}

/// The groups of all heads as the definition deals them out: equal shares, the remainder one each to the last groups.
std::vector<Index> dealt(Index heads, Index groups) {
    std::vector<Index> sizes(static_cast<std::size_t>(groups), heads / groups), group_of_head;
    for (Index left = heads % groups; left > 0; --left) ++sizes[groups - left];
    for (Index group = 0; group < groups; ++group)
        for (Index i = 0; i < sizes[group]; ++i) group_of_head.push_back(group);
    return group_of_head;
}

} // namespace

TEST_CASE("a segment's positions are those that the definition selects, the ragged tail included") {
    Index empty_tails = 0;
    for (Index tokens = 1; tokens <= 24; ++tokens)
        for (Index w = 1; w <= 12; ++w)
            for (Index r = 1; r <= w; ++r)
                for (Index o = 0; o < r; ++o) {
                    std::map<Index, std::vector<Index>> expected;
                    for (Index n = 0; n < tokens; ++n)
                        if (n % w >= o && (n % w - o) % r == 0) expected[n / w].push_back(n);
                    const Pattern pattern{w, r, o};
                    REQUIRE(pattern.segments(tokens) == (tokens - 1) / w + 1);
                    for (Index segment = 0; segment < pattern.segments(tokens); ++segment) {
                        const Positions positions = pattern.selected(segment, tokens);
                        std::vector<Index> selected;
                        for (Index t = 0; t < positions.count; ++t) selected.push_back(positions[t]);
                        REQUIRE(selected == expected[segment]);
                        REQUIRE((positions.count < 2 || positions.stride == r));
                        empty_tails += positions.empty();
                    }
                }
    CHECK(empty_tails > 100); // short last segments that end before the phase were met
}

TEST_CASE("tokens lie in the segments from the first one's on, and no later one than the last one's") {
    for (Index w = 1; w <= 5; ++w)
        for (Index begin = 0; begin <= 12; ++begin)
            for (Index end = begin + 1; end <= 13; ++end) {
                const Pattern pattern{w, 1, 0};
                CHECK(pattern.segment_of(begin) * w <= begin);
                CHECK(begin < (pattern.segment_of(begin) + 1) * w);
                CHECK(pattern.segments(end) == pattern.segment_of(end - 1) + 1);
            }
}

TEST_CASE("a segment longer than the sequence, even by far, is one segment") {
    const Pattern pattern{Index{1} << 62, 3, 2};
    CHECK(pattern.segments(10) == 1);
    CHECK(pattern.selected(0, 10) == Positions{2, 3, 3});
}

TEST_CASE("remainder heads go one each to the last groups") {
    for (Index heads = 1; heads <= 13; ++heads)
        for (Index groups = 1; groups <= 15; ++groups) {
            std::vector<Index> assigned;
            for (Index g = 0; g < heads; ++g) assigned.push_back(head_group(g, heads, groups));
            REQUIRE(assigned == dealt(heads, groups));
        }
    CHECK(dealt(12, 5) == std::vector<Index>{0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4});
    CHECK(dealt(2, 3) == std::vector<Index>{1, 2});
}

TEST_CASE("each phase rule starts dilation where it says") {
    const Index heads = 7;
    const std::vector<Index> w = {8, 8, 8, 8}, r = {1, 2, 3, 5};
    for (Index g = 0; g < heads; ++g)
        for (Index i = 0; i < 4; ++i) {
            const auto phase = [&](PhaseRule rule) {
                return pattern_of(problem_of(8, heads, w, r, Mode::mixture, rule), i, g).phase;
            };
            const Index rate = r[i];
            CHECK(phase(PhaseRule::group) == i % rate);
            CHECK(phase(PhaseRule::head) == g % rate);
            CHECK(phase(PhaseRule::head_block) == g / ((heads + rate - 1) / rate));
            CHECK(phase(PhaseRule::head_block) < rate);
        }
}

TEST_CASE("a head uses its group's pattern, or in a mixture every pattern") {
    const std::vector<Index> w = {4, 8, 8}, r = {1, 2, 4};
    const Problem groups = problem_of(8, 7, w, r, Mode::groups, PhaseRule::group);
    const Problem mixture = problem_of(8, 7, w, r, Mode::mixture, PhaseRule::head);
    const std::vector<Index> expected = {0, 0, 1, 1, 2, 2, 2};
    for (Index g = 0; g < 7; ++g)
        for (Index i = 0; i < 3; ++i) {
            CHECK(uses(groups, i, g) == (expected[g] == i));
            CHECK(uses(mixture, i, g));
        }
}

TEST_CASE("the heads of a pattern are those that use it, and no others") {
    for (const Mode mode : {Mode::groups, Mode::mixture})
        for (Index kv_heads = 1; kv_heads <= 9; ++kv_heads)
            for (Index patterns = 1; patterns <= 12; ++patterns) {
                const std::vector<Index> ones(static_cast<std::size_t>(patterns), 1);
                const Problem problem = problem_of(1, kv_heads, ones, ones, mode, PhaseRule::group);
                for (Index pattern = 0; pattern < patterns; ++pattern) {
                    const Interval heads = heads_of(problem, pattern);
                    for (Index g = 0; g < kv_heads; ++g)
                        REQUIRE((heads.begin <= g && g < heads.end) == uses(problem, pattern, g));
                    CHECK(0 <= heads.size());
                }
            }
}

} // namespace dra
