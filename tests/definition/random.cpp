#include "reference/definition/random.hpp"

#include <doctest/doctest.h>

namespace dra {

TEST_CASE("Philox gives the published vectors of Random123") {
    CHECK(philox({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the dropout word is a function of seed, batch, query head, query and key alone") {
    CHECK(dropout_word(0, 0, 0, 0, 0) == 0x6627e8d5);
    CHECK(dropout_word(7, 0, 1, 5, 3) == 0x858adc23);
    CHECK(dropout_word((std::uint64_t{1} << 40) + 9, 1, 2, 1000, 999) == 0x1c272015);
}

TEST_CASE("random normals are those that Python makes of the same words, of deviation 1 unless another is asked for") {
    // sqrt(-2 log((w0 + 0.5) / 2^32)) cos(2 pi w1 / 2^32) by Python's floats; words 6627e8d5 e169c58d, 56af56bc
    // 5613c9b1
    CHECK(random_normal<double>({1, 1, 1, 1}, 0).flat()[0] == doctest::Approx(0.9911376792540323).epsilon(1e-13));
    CHECK(random_normal<double>({1, 6, 1, 1}, 7).flat()[5] == doctest::Approx(-0.7589798986215739).epsilon(1e-13));
}

TEST_CASE("random normals are reproducible, and normal in their first four moments") {
    const Shape shape{1, 1000, 10, 10};
    const auto x = random_normal<double>(shape, 5, 3.0);
    const Eigen::ArrayXd z = x.flat() / 3;
    const double n = static_cast<double>(z.size());
    // Five standard deviations of each moment's estimate, var(z^k) = 1, 2, 15, 96.
    CHECK(std::abs(z.mean()) <= 5 * std::sqrt(1 / n));
    CHECK(std::abs(z.square().mean() - 1) <= 5 * std::sqrt(2 / n));
    CHECK(std::abs(z.cube().mean()) <= 5 * std::sqrt(15 / n));
    CHECK(std::abs(z.square().square().mean() - 3) <= 5 * std::sqrt(96 / n));

    CHECK((random_normal<double>(shape, 5, 3.0).flat() == x.flat()).all());
    CHECK((random_normal<double>(shape, 6, 3.0).flat() != x.flat()).any());
    const auto longer = random_normal<double>({2, 1000, 10, 10}, 5, 3.0);
    CHECK((longer.flat().head(x.size()) == x.flat()).all());
}

} // namespace dra
