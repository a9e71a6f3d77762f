#include "reference/ring/part.hpp"
#include "reference/ring/wanted.hpp"

#include <doctest/doctest.h>

#include <set>

namespace dra::test {
namespace {

std::vector<Index> listed(const Positions& positions) {
    std::vector<Index> all;
    for (Index t = 0; t < positions.count; ++t) all.push_back(positions[t]);
    return all;
}

/// Calls visit(positions) for every progression that begins below 5, of strides up to 6 and up to 5 positions.
template <class Visit> void for_each_progression(Visit visit) {
    for (Index first = 0; first < 5; ++first)
        for (Index stride = 1; stride <= 6; ++stride)
            for (Index count = 0; count <= 5; ++count) visit(Positions{first, stride, count});
}

TEST_CASE("what two progressions have in common is every position of both, and no other") {
    Index met = 0;
    for_each_progression([&](const Positions& a) {
        for_each_progression([&](const Positions& b) {
            const std::vector<Index> in_a = listed(a), in_b = listed(b);
            std::vector<Index> both;
            std::ranges::set_intersection(in_a, in_b, std::back_inserter(both));
            CHECK(listed(common(a, b)) == both);
            met += !both.empty();
        });
    });
    CHECK(met > 10'000);
}

TEST_CASE("positions that a piece has lie in its rows at a stride, behind those of the pieces before it") {
    const TokenRows tokens({{10, 3, 4}, {7, 1, 2}, {40, 5, 6}}); // 10 13 16 19, 7 8, 40 45 50 55 60 65
    CHECK(tokens.count() == 12);
    CHECK(listed(tokens.rows(0, {13, 6, 2})) == std::vector<Index>{1, 3});
    CHECK(listed(tokens.rows(1, {8, 1, 1})) == std::vector<Index>{5});
    CHECK(listed(tokens.rows(2, {45, 10, 2})) == std::vector<Index>{7, 9});
}

TEST_CASE("ascending positions become progressions, in order, and a progression one") {
    for_each_progression([](const Positions& positions) {
        if (positions.count > 2) CHECK(progressions(listed(positions)) == std::vector<Positions>{positions});
    });
    const std::vector<Index> scattered = {0, 1, 2, 5, 9, 13, 14};
    std::vector<Index> again;
    for (const Positions& piece : progressions(scattered))
        for (const Index n : listed(piece)) again.push_back(n);
    CHECK(again == scattered);
    CHECK(progressions(scattered).size() == 3);
}

} // namespace
} // namespace dra::test
