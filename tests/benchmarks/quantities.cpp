#include "benchmarks/measuring/quantities.hpp"

#include <doctest/doctest.h>

namespace dra::benchmarks {

TEST_CASE("quantities have three digits and a unit that keeps them short") {
    CHECK(seconds_text(1.2345) == "1.23 s");
    CHECK(seconds_text(0.99996) == "1.00 s");
    CHECK(seconds_text(0.0123456) == "12.3 ms");
    CHECK(seconds_text(45e-9) == "45.0 ns");
    CHECK(bytes_text(16'777'216) == "16.8 MB");
    CHECK(bytes_text(0) == "0 B");
    CHECK(count_text(33'554'432) == "33.6 M");
    CHECK(count_text(7) == "7");
    CHECK(times_text(2.744) == "2.74x");
    CHECK(times_text(1250) == "1250x");
    CHECK(times_text(413'000) == "4.1e+05x");
    CHECK(times_text(0.98) == "0.98x");
}

TEST_CASE("what is not there is a dash") {
    CHECK(spread_text(std::nullopt) == "-");
    CHECK(spread_text(Spread{1, 2, 3}) == "2.00x (1.00-3.00)");
    CHECK(exponent_text(std::nullopt) == "-");
    CHECK(exponent_text(1.984) == "n^1.98");
}

} // namespace dra::benchmarks
