#include "tests/attention/view.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// Runs a view, prints nothing, and keeps the largest ratio.
template <class T> void check(const View<T>& view, double& worst) {
    CAPTURE(view.queries());
    CAPTURE(view.keys());
    CAPTURE(view.q.shape().head_dim);
    CAPTURE(view.visibility.causal);
    CAPTURE(view.softmax_scale);
    const ErrorRatios ratios = view.judge(view.attend());
    CHECK(ratios.within_bounds());
    worst = std::max(worst, ratios.forward());
}

TEST_CASE_TEMPLATE("every head_dim from 1 to 300", T, float, double) {
    double worst = 0;
    for (Index head_dim = 1; head_dim <= 300; ++head_dim)
        check(View<T>({{head_dim % 7, 1, 19}, {0, 1, 1 + head_dim % 23}, head_dim % 2 == 0}, head_dim, 1), worst);
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE_TEMPLATE("every number of queries and keys from 1 to 100", T, float, double) {
    double worst = 0;
    for (Index n = 1; n <= 100; ++n)
        for (const bool causal : {false, true}) {
            check(View<T>({{0, 1, n}, {0, 1, n}, causal}, 5, 1), worst);
            check(View<T>({{n / 2, 2, n}, {1, 3, 101 - n}, causal}, 5, 1), worst);
        }
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE_TEMPLATE("keys about the edges of tiles, many tiles", T, float, double) {
    double worst = 0;
    for (const Index keys : {251, 252, 253, 255, 256, 257, 263, 264, 504, 511, 512, 513, 1025, 3000})
        for (const bool causal : {false, true}) check(View<T>({{keys - 40, 1, 40}, {0, 1, keys}, causal}, 3, 1), worst);
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE_TEMPLATE("scores of +-1e4 do not overflow", T, float, double) {
    double worst = 0;
    for (const bool causal : {false, true}) {
        View<T> view({{0, 1, 90}, {0, 1, 300}, causal}, 16, 1, 1);
        view.q.flat() *= T(50);
        view.k.flat() *= T(50);
        CHECK(view.truth().magnitudes[0].score > 1e4);
        check(view, worst);
    }
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE_TEMPLATE("scores that all are 1e4 or all are -1e4 give the mean", T, float, double) {
    for (const T sign : {1, -1}) {
        View<T> view({{0, 1, 40}, {0, 1, 256}, false}, 1, 1, 1);
        view.q.flat() = 100;
        view.k.flat() = sign * 100;
        view.v.flat() = 3;
        const Attention<T> result = view.attend();
        CHECK((result.out.flat() == 3).all());
        CHECK(view.judge(result).within_bounds());
    }
}

TEST_CASE_TEMPLATE("scale zero, negative, tiny, large", T, float, double) {
    double worst = 0;
    for (const double scale : {0.0, -0.0, -1.0, -0.125, 1e-30, -1e-30, 1e-40, 5.0, -100.0})
        for (const bool causal : {false, true}) check(View<T>({{0, 1, 50}, {0, 1, 80}, causal}, 12, 1, scale), worst);
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE_TEMPLATE("a maximum that rises or falls from tile to tile", T, float, double) {
    double worst = 0;
    for (const int direction : {1, -1}) {
        View<T> view({{1999, 1, 33}, {0, 1, 2000}, true}, 1, 1, 1);
        view.q.flat() = view.q.flat().abs() + T(1);
        for (Index j = 0; j < 2000; ++j)
            view.k(0, j, 0, 0) += static_cast<T>(direction * 0.05 * static_cast<double>(j));
        check(view, worst);
    }
    MESSAGE("largest error ratio ", worst);
}

} // namespace
} // namespace dra::test
