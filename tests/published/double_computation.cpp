#include "reference/published/fix_4_duplicate_methods.hpp"
#include "tests/published/problems.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace dra::published::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// One call: 70 queries from position 10 on against 50 keys from position 30 on, so that the first 20 queries see
/// nothing.
template <class T> struct OneCall {
    Tensor<T> q = random_normal<T>({1, 70, 1, 16}, 1), k = random_normal<T>({1, 50, 1, 16}, 2),
              v = random_normal<T>({1, 50, 1, 16}, 3);
    Visibility visibility{{10, 1, 70}, {30, 1, 50}, true};
    Workspace<T> workspace{16};
    AttendCall<T> call{std::as_const(q).view().rows(0, 0), start(), Masking::of(visibility), T(0.25), workspace};

    const kernel::PackedKeys<T>& start() {
        workspace.start();
        return workspace.pack(std::as_const(k).view().rows(0, 0), std::as_const(v).view().rows(0, 0));
    }
    double score(Index i, Index j) const {
        double sum = 0;
        for (Index d = 0; d < 16; ++d) sum += 0.25 * double(q(0, i, 0, d)) * double(k(0, j, 0, d));
        return sum;
    }
};

template <class T> void check_statistics(bool dense) {
    const CausalMask mask = fix_1::after(80, 50, 30);
    OneCall<T> one;
    if (dense) one.call.masking.mask = &mask;
    const auto found = fix_3::statistics_again(one.call, true);
    double worst = 0;
    for (Index i = 0; i < 70; ++i) {
        double maximum = -infinity, sum = 0;
        for (Index j = 0; j < one.visibility.extent(i); ++j) maximum = std::max(maximum, one.score(i, j));
        for (Index j = 0; j < one.visibility.extent(i); ++j) sum += std::exp(one.score(i, j) - maximum);
        if (one.visibility.extent(i) == 0) {
            CHECK(found.maximum[i] == -infinity);
            CHECK(found.sum[i] == 0);
            continue;
        }
        worst = std::max({worst, std::abs(found.maximum[i] - maximum), std::abs(found.sum[i] / sum - 1)});
    }
    CHECK(worst <= forward_bound * std::numeric_limits<T>::epsilon());
    CHECK(one.workspace.total().pairs_again >= one.visibility.pairs());
    CHECK(fix_3::statistics_again(one.call, false).sum.size() == 0);
}

TEST_CASE("statistics found again honour the mask, and rows that see nothing are not NaN") {
    for (const bool dense : {false, true}) {
        CAPTURE(dense);
        check_statistics<float>(dense);
        check_statistics<double>(dense);
    }
}

TEST_CASE("a call's statistics are the same in the three rungs") {
    OneCall<double> one;
    RowMajor<double> out[3];
    Eigen::ArrayXd lse[3];
    decltype(&fix_3::before<double>) rungs[] = {fix_3::before<double>, fix_3::after<double>, fix_3::principled<double>};
    for (int rung = 0; rung < 3; ++rung) {
        out[rung].setConstant(70, 16, NAN);
        lse[rung].setConstant(70, NAN);
        rungs[rung](one.call, fix_4::attend<double>, partial_of(out[rung], lse[rung]), Combine::store);
        CHECK(out[rung].allFinite());
    }
    for (int rung = 0; rung < 2; ++rung)
        for (Index i = 0; i < 70; ++i) {
            CHECK(out[rung].row(i) == out[2].row(i));
            if (i < 20)
                CHECK(lse[rung][i] == -infinity);
            else
                CHECK(std::abs(lse[rung][i] - lse[2][i]) <= 1e-14);
        }
}

TEST_CASE("with the sum that the published fix lost, lse is wrong on one rank and out is wrong on several") {
    for (const Index ranks : {1, 4}) {
        const PosedProblem<float> posed =
            pose<float>({1, 128, 2, 2, 16, {128}, {1}, Mode::groups, PhaseRule::group, false, ranks});
        const Rungs rungs = Rungs(Rung::before).with(Fix::double_computation, Rung::after);
        Pipeline<float> restored(posed.problem, rungs), published(posed.problem, rungs, LostSum::as_published);
        const ErrorRatios right = error_ratios(posed.problem, posed.truth, run(restored, posed));
        const ErrorRatios wrong = error_ratios(posed.problem, posed.truth, run(published, posed));
        MESSAGE(ranks, " ranks, error ratios of out and lse: restored ", right.out, " ", right.lse, ", as published ",
                wrong.out, " ", wrong.lse);
        CHECK(right.within_bounds());
        CHECK(wrong.lse > 1000 * forward_bound);
        if (ranks > 1)
            CHECK(wrong.out > 1000 * forward_bound);
        else
            CHECK(wrong.out <= forward_bound);
    }
}

} // namespace
} // namespace dra::published::test
