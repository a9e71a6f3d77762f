#include "reference/attention/product.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace dra::test {
namespace {

/// 1, 2, 3, ...
template <class T> std::vector<T> numbered(Index count) {
    std::vector<T> x(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i + 1);
    return x;
}

/// Whether y[k * y_row + i] = expected(i, k) for i < n, k < K, and -1, what was there before, everywhere else.
template <class T, class Expected>
bool holds(const std::vector<T>& y, Index y_row, Index n, Index K, Expected expected) {
    for (Index at = 0; at < static_cast<Index>(y.size()); ++at) {
        const Index i = at % y_row, k = at / y_row;
        if (y[at] != (i < n && k < K ? expected(i, k) : T(-1))) return false;
    }
    return true;
}

TEST_CASE_TEMPLATE("8 x 8 numbers are transposed in registers, each to its place", T, float, double) {
    const std::vector<T> x = numbered<T>(8 * 11);
    std::vector<T> y(9 * 13, T(-1));
    kernel::Transpose<T>(x.data(), 11).store(T(2), y.data(), 13);
    CHECK(holds(y, 13, 8, 8, [&](Index i, Index k) { return 2 * x[i * 11 + k]; }));
}

/// Packs at most n of so many rows as columns, K of each, and holds them against the numbers themselves.
template <int n, class T> bool packs_columns(Index rows, Index K) {
    const std::vector<T> x = numbered<T>(32 * 32);
    std::vector<T> y(static_cast<std::size_t>((K + 1) * (n + 1)), T(-1));
    kernel::transpose<n>(rows, K, T(3), x.data(), Index{30}, y.data(), Index{n + 1});
    return holds(y, n + 1, std::min<Index>(rows, n), K, [&](Index i, Index k) { return 3 * x[i * 30 + k]; });
}

TEST_CASE_TEMPLATE("rows are packed as columns and as they are, at most so many of them, and nothing beside them", T,
                   float, double) {
    constexpr Index strip = kernel::strip;
    for (Index rows = 1; rows <= kernel::square + 2; ++rows)
        for (Index K = 1; K <= 20; ++K) {
            CAPTURE(rows);
            CAPTURE(K);
            CHECK(packs_columns<kernel::square, T>(rows, K));
            CHECK(packs_columns<kernel::strip, T>(rows, K));
            const std::vector<T> x = numbered<T>(32 * 32);
            std::vector<T> as_they_are(static_cast<std::size_t>((K + 1) * strip), T(-1));
            kernel::copy(rows, K, x.data(), Index{30}, as_they_are.data());
            CHECK(holds(as_they_are, strip, std::min(rows, strip), K, [&](Index i, Index k) { return x[k * 30 + i]; }));
        }
}

} // namespace
} // namespace dra::test
