#include "reference/definition/tensor.hpp"

#include <doctest/doctest.h>

namespace dra {

TEST_CASE("element (b, n, h, d) lies at ((b N + n) H + h) D + d") {
    const Shape shape{2, 3, 4, 5};
    Tensor<double> x(shape);
    for (Index i = 0; i < x.size(); ++i) x.flat()[i] = static_cast<double>(i);
    Index expected = 0;
    for (Index b = 0; b < 2; ++b)
        for (Index n = 0; n < 3; ++n)
            for (Index h = 0; h < 4; ++h)
                for (Index d = 0; d < 5; ++d) {
                    CHECK(x(b, n, h, d) == static_cast<double>(expected));
                    CHECK(x.view().row(b, n, h)[d] == static_cast<double>(expected));
                    ++expected;
                }
    CHECK(x.size() == expected);
}

TEST_CASE("the rows of a head at strided positions are a map onto the tensor itself") {
    Tensor<float> x({2, 10, 3, 4}, 0);
    for (Index i = 0; i < x.size(); ++i) x.flat()[i] = static_cast<float>(i);
    const Positions positions{1, 3, 3};
    auto rows = x.view().rows(1, 2, positions);
    REQUIRE(rows.rows() == 3);
    REQUIRE(rows.cols() == 4);
    for (Index t = 0; t < 3; ++t)
        for (Index d = 0; d < 4; ++d) CHECK(&rows(t, d) == &x(1, positions[t], 2, d));
    CHECK(x.view().rows(0, 1).rows() == 10);

    rows.setConstant(-1);
    CHECK((x.flat() == -1.0f).count() == 3 * 4);
    CHECK(x.view().rows(0, 0, {10, 1, 0}).rows() == 0); // no position: no row, and nothing out of range is touched
}

TEST_CASE("lse is [B, H, N], and its rows at strided positions are a map") {
    Lse<double> lse(2, 3, 8);
    for (Index i = 0; i < lse.size(); ++i) lse.flat()[i] = static_cast<double>(i);
    CHECK(lse.shape() == std::array<Index, 3>{2, 3, 8});
    CHECK(lse(1, 2, 7) == (1 * 3 + 2) * 8 + 7);
    auto rows = lse.rows(1, 0, {1, 3, 3});
    for (Index t = 0; t < 3; ++t) CHECK(&rows[t] == &lse(1, 0, 1 + 3 * t));
    CHECK(lse.rows(0, 0, {8, 1, 0}).size() == 0);
}

TEST_CASE("a shape that nobody set has no size in any direction") {
    CHECK(Shape{} == Shape{0, 0, 0, 0});
    CHECK(Tensor<float>().shape() == Shape{0, 0, 0, 0});
    CHECK(Lse<float>().shape() == std::array<Index, 3>{0, 0, 0});
    CHECK(Lse<float>().size() == 0);
}

TEST_CASE("a cast keeps shape and values") {
    Tensor<float> x({1, 2, 1, 2}, 0.25f);
    CHECK(x.cast<double>().shape() == x.shape());
    CHECK((x.cast<double>().flat() == 0.25).all());
    CHECK_FALSE(x.empty());
    CHECK(Tensor<float>().empty());
}

} // namespace dra
