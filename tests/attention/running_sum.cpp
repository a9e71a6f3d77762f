#include "reference/attention/running_sum.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace dra::test {
namespace {

template <class T> constexpr T u = std::numeric_limits<T>::epsilon();

/// A partial of one row, and the memory that it lies in.
template <class T> struct OneRow {
    RowMajor<T> out;
    Eigen::ArrayX<T> lse;

    OneRow(const RowMajor<T>& row, T row_lse) : out(row), lse(Eigen::ArrayX<T>::Constant(1, row_lse)) {}
    Partial<T> view() {
        return {{out.data(), 1, out.cols(), Eigen::OuterStride<>(out.cols())},
                {lse.data(), 1, Eigen::InnerStride<>(1)}};
    }
};

template <class T> OneRow<T> none(Index head_dim) {
    return {RowMajor<T>::Zero(1, head_dim), -std::numeric_limits<T>::infinity()};
}

/// Many partials of one row, the largest score anywhere among them, and their merge in long double.
template <class T> struct Parts {
    std::vector<OneRow<T>> parts;
    Eigen::Array<long double, 1, Eigen::Dynamic> out;
    long double lse = 0;

    explicit Parts(Index count, Index head_dim = 4) : out(decltype(out)::Zero(head_dim)) {
        const Tensor<T> normals = random_normal<T>({1, count, 1, head_dim + 1}, 5);
        long double sum = 0;
        for (Index n = 0; n < count; ++n) {
            const RowMajor<T> row = normals.view().rows(0, 0).row(n);
            parts.emplace_back(row.leftCols(head_dim).array() + T(1), row(0, head_dim));
            const long double weight = std::exp(static_cast<long double>(parts.back().lse[0]));
            sum += weight;
            out += weight * parts.back().out.row(0).array().template cast<long double>();
        }
        out /= sum;
        lse = std::log(sum);
    }

    /// The error of a result, in u of its largest element.
    double error(OneRow<T>& found) const {
        const auto wrong = (found.out.row(0).array().template cast<long double>() - out).abs().maxCoeff();
        const auto wrong_lse = std::abs(found.lse[0] - lse);
        return static_cast<double>(std::max(wrong / out.abs().maxCoeff(), wrong_lse / std::max(1.0L, std::abs(lse))) /
                                   u<T>);
    }
};

TEST_CASE_TEMPLATE("the error of a running partial does not grow with the merges, as that of merge() does", T, float,
                   double) {
    for (const Index count : {1, 16, 256, 4096, 65536}) {
        Parts<T> many(count);
        OneRow<T> merged = none<T>(4), sum = none<T>(4), lost(RowMajor<T>::Zero(1, 4), 0);
        RunningPartial<T> running{sum.view(), lost.view()};
        for (OneRow<T>& part : many.parts) {
            const Partial<T> x = part.view();
            merge<T>(merged.view(), {x.out.data(), 1, 4, Eigen::OuterStride<>(4)},
                     {x.lse.data(), 1, Eigen::InnerStride<>(1)});
            running.merge(x);
        }
        const double by_merge = many.error(merged), by_running = many.error(sum);
        MESSAGE("merges ", count, ": error of merge() ", by_merge, " u, of a running partial ", by_running, " u");
        CHECK(by_running <= 2);
        if (count == 65536) CHECK(by_merge > 10 * by_running);
    }
}

TEST_CASE_TEMPLATE("merging with the identity is exact on either side", T, float, double) {
    OneRow<T> part(RowMajor<T>::Constant(1, 4, T(0.3)), T(25)), sum = none<T>(4), lost(RowMajor<T>::Zero(1, 4), 0);
    OneRow<T> identity = none<T>(4);
    RunningPartial<T> running{sum.view(), lost.view()};
    for (OneRow<T>* x : {&identity, &part, &identity}) running.merge(x->view());
    CHECK(sum.out == part.out);
    CHECK(sum.lse[0] == part.lse[0]);
    CHECK(lost.out.isZero(0));
    CHECK(lost.lse[0] == 0);
}

TEST_CASE_TEMPLATE("parts of weights far apart in any order leave the heavier one", T, float, double) {
    for (const bool heavy_first : {false, true}) {
        OneRow<T> light(RowMajor<T>::Constant(1, 4, std::numeric_limits<T>::max()), T(-300)),
            heavy(RowMajor<T>::Constant(1, 4, T(1)), T(900)), sum = none<T>(4), lost(RowMajor<T>::Zero(1, 4), 0);
        RunningPartial<T> running{sum.view(), lost.view()};
        running.merge((heavy_first ? heavy : light).view());
        running.merge((heavy_first ? light : heavy).view());
        CHECK(sum.out == heavy.out);
        CHECK(sum.lse[0] == 900);
    }
}

TEST_CASE_TEMPLATE("a sum of many numbers is rounded once", T, float, double) {
    T sum = 0, lost = 0, plain = 0;
    constexpr int count = 100'000;
    for (int i = 0; i < count; ++i) add(sum, lost, T(0.1)), plain += T(0.1);
    const long double truth = static_cast<long double>(T(0.1)) * count;
    CHECK(sum == static_cast<T>(truth));
    CHECK(std::abs(plain - truth) > 100 * std::abs(sum - truth));
}

} // namespace
} // namespace dra::test
