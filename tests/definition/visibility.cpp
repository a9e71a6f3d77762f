#include "reference/definition/visibility.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace dra {
namespace {

/// Every small pair of progressions, shifted against each other.
template <class F> void for_small_visibilities(F&& check) {
    for (const bool causal : {false, true})
        for (Index first = -4; first <= 4; ++first)
            for (Index query_stride = 1; query_stride <= 3; ++query_stride)
                for (Index key_stride = 1; key_stride <= 4; ++key_stride)
                    for (Index queries = 0; queries <= 5; ++queries)
                        for (Index keys = 0; keys <= 5; ++keys)
                            check(Visibility{{first, query_stride, queries}, {0, key_stride, keys}, causal});
}

bool sees(const Visibility& v, Index i, Index j) { return !v.causal || v.keys[j] <= v.queries[i]; }

} // namespace

TEST_CASE("division rounds up for either sign") {
    for (Index a = -20; a <= 20; ++a) {
        for (Index b = 1; b <= 7; ++b) {
            CHECK(ceil_div(a, b) * b >= a);
            CHECK(ceil_div(a, b) * b < a + b);
        }
    }
}

TEST_CASE("the part of a progression inside an interval is its positions there") {
    for (Index first = -3; first <= 3; ++first)
        for (Index stride = 1; stride <= 4; ++stride)
            for (Index count = 0; count <= 5; ++count)
                for (Index begin = -5; begin <= 12; ++begin)
                    for (Index end = -5; end <= 12; ++end) {
                        const Positions all{first, stride, count};
                        std::vector<Index> inside, below, part;
                        for (Index t = 0; t < count; ++t) {
                            if (all[t] < end) below.push_back(all[t]);
                            if (begin <= all[t] && all[t] < end) inside.push_back(all[t]);
                        }
                        const Positions within = all.within(begin, end), moved = within.relative_to(begin);
                        for (Index t = 0; t < within.count; ++t) part.push_back(moved[t] + begin);
                        REQUIRE(all.below(end) == static_cast<Index>(below.size()));
                        REQUIRE(part == inside);
                        REQUIRE(within.empty() == inside.empty());
                    }
}

TEST_CASE("a row's extent is the number of keys that it sees, and they are the first ones") {
    for_small_visibilities([](const Visibility& v) {
        Index pairs = 0;
        for (Index i = 0; i < v.queries.count; ++i) {
            for (Index j = 0; j < v.keys.count; ++j) {
                REQUIRE(sees(v, i, j) == (j < v.extent(i)));
                pairs += sees(v, i, j);
            }
        }
        REQUIRE(v.pairs() == pairs);
        REQUIRE(v.any() == (pairs > 0));
    });
}

TEST_CASE("positions that nobody set are none, counted from 0 one by one") {
    CHECK(Positions{} == Positions{0, 1, 0});
    CHECK(Positions{}.empty());
    CHECK_FALSE(Visibility{}.any());
}

TEST_CASE("a million rows are described in a few words and counted in one pass") {
    static_assert(sizeof(Visibility) <= 7 * sizeof(Index)); // two progressions and a flag: nothing grows with n
    constexpr Index n = 1'000'000;
    const Visibility dense{{0, 1, n}, {0, 1, n}, true}, dilated{{0, 4, n / 4}, {0, 4, n / 4}, true};
    const Visibility future{{0, 1, n}, {n, 1, n}, true}, past{{n, 1, n}, {0, 1, n}, true};
    const Visibility offset{{1, 2, n / 2}, {0, 3, n / 3 + 1}, true};
    CHECK(dense.pairs() == n * (n + 1) / 2);
    CHECK(dilated.pairs() == n / 4 * (n / 4 + 1) / 2);
    CHECK(future.pairs() == 0);
    CHECK(past.pairs() == n * n);
    Index expected = 0;
    for (Index i = 0; i < n / 2; ++i) expected += (1 + 2 * i) / 3 + 1;
    CHECK(offset.pairs() == expected);
}

} // namespace dra
