#include "benchmarks/measuring/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

namespace dra::benchmarks {

TEST_CASE("quartiles lie between neighbours, whatever the order of the samples") {
    const Spread odd = spread({5, 1, 4, 2, 3});
    CHECK(odd.low == 2);
    CHECK(odd.median == 3);
    CHECK(odd.high == 4);
    const Spread even = spread({4, 3, 2, 1});
    CHECK(even.low == doctest::Approx(1.75));
    CHECK(even.median == doctest::Approx(2.5));
    CHECK(even.high == doctest::Approx(3.25));
    const Spread one = spread({7});
    CHECK(one.low == 7);
    CHECK(one.high == 7);
    CHECK_THROWS_AS(spread({}), std::invalid_argument);
}

TEST_CASE("the spread of a ratio is that of all pairs") {
    const Spread exact = ratio({6, 6, 6}, {2, 2});
    CHECK(exact.low == 3);
    CHECK(exact.median == 3);
    CHECK(exact.high == 3);

    const Spread pairs = ratio({2, 4}, {1, 2}); // 1, 2, 2, 4
    CHECK(pairs.low == doctest::Approx(1.75));
    CHECK(pairs.median == doctest::Approx(2));
    CHECK(pairs.high == doctest::Approx(2.5));

    const Spread reordered = ratio({4, 2}, {2, 1});
    CHECK(reordered.low == pairs.low);
    CHECK(reordered.high == pairs.high);
}

TEST_CASE("swapping the sides turns the quartiles of a ratio round") {
    const std::vector<double> a = {1.0, 1.3, 1.1, 2.0, 1.2}, b = {0.5, 0.7, 0.6, 0.55, 3.0};
    const Spread there = ratio(a, b), back = ratio(b, a);
    CHECK(there.median == doctest::Approx(1 / back.median));
    CHECK(there.low == doctest::Approx(1 / back.high));
    CHECK(there.high == doctest::Approx(1 / back.low));
}

TEST_CASE("the exponent of a power of n is found, constant factors aside") {
    const std::vector<double> n = {512, 1024, 2048, 4096};
    for (const double power : {0.0, 1.0, 1.5, 2.0, 3.0}) {
        std::vector<double> y;
        for (const double x : n) y.push_back(17 * std::pow(x, power));
        CAPTURE(power);
        REQUIRE(exponent(n, y));
        CHECK(*exponent(n, y) == doctest::Approx(power).epsilon(1e-12));
    }
}

TEST_CASE("the exponent is the least-squares slope") {
    CHECK(*exponent({1, 2, 4}, {1, 4, 4}) == doctest::Approx(1)); // log2: (0,0) (1,2) (2,2)
}

TEST_CASE("there is no exponent without two lengths or with nothing counted") {
    CHECK_FALSE(exponent({}, {}));
    CHECK_FALSE(exponent({512}, {3}));
    CHECK_FALSE(exponent({512, 512}, {3, 4}));
    CHECK_FALSE(exponent({512, 1024}, {0, 4}));
}

} // namespace dra::benchmarks
