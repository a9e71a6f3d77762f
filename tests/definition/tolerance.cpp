#include "reference/definition/tolerance.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace dra {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double u32 = 0x1p-23, u64 = 0x1p-52;

/// Two batches, three tokens, four query heads on two KV heads, D = 2; every value a small power of two, all
/// representable in float.
struct JudgedProblem {
    static constexpr Shape q{2, 3, 4, 2}, kv{2, 3, 2, 2};
    Problem problem = validate({.segment_lengths = {3}, .dilation_rates = {1}, .softmax_scale = 0.5},
                               {TensorInfo{DType::f32, {2, 3, 4, 2}}, TensorInfo{DType::f32, {2, 3, 2, 2}},
                                TensorInfo{DType::f32, {2, 3, 2, 2}}, std::nullopt});
    Oracle truth{{Tensor<double>(q, 0.5), Lse<double>(2, 4, 3)},
                 Gradients<double>{Tensor<double>(q, 0.5), Tensor<double>(kv, 0.5), Tensor<double>(kv, 0.5)},
                 std::vector<Magnitudes>(8, Magnitudes{1, 1, 1, 1})};

    JudgedProblem() { truth.attention.lse.flat().setConstant(0.5); }

    template <class T> Attention<T> attention() const {
        Attention<T> same{truth.attention.out.cast<T>(), Lse<T>(2, 4, 3)};
        same.lse.flat() = truth.attention.lse.flat().cast<T>();
        return same;
    }
    template <class T> Gradients<T> gradients() const {
        return {truth.gradients->dq.cast<T>(), truth.gradients->dk.cast<T>(), truth.gradients->dv.cast<T>()};
    }
    template <class T> ErrorRatios judge(const Attention<T>& a, const Gradients<T>& g) const {
        return error_ratios(problem, truth, a, &g);
    }
};

bool near(double ratio, double expected) { return std::abs(ratio - expected) <= 1e-6 * expected; }

} // namespace

TEST_CASE("the truth itself has ratio 0 in every tensor") {
    const JudgedProblem example;
    const ErrorRatios ratios = example.judge(example.attention<double>(), example.gradients<double>());
    CHECK(ratios.out == 0);
    CHECK(ratios.lse == 0);
    CHECK(ratios.dq == 0);
    CHECK(ratios.dk == 0);
    CHECK(ratios.dv == 0);
    CHECK(ratios.within_bounds());
}

TEST_CASE("an error is counted in epsilons of the result's type, against the largest value of its slice") {
    const JudgedProblem example;
    auto a = example.attention<double>();
    a.out(1, 2, 3, 1) += 8 * u64;
    a.lse(0, 1, 2) += 4 * u64; // against max|y| = 0.5, but the floor is 1
    CHECK(near(error_ratios(example.problem, example.truth, a).out, 16));
    CHECK(near(error_ratios(example.problem, example.truth, a).lse, 4));
    auto f = example.attention<float>();
    f.out(0, 0, 0, 0) += static_cast<float>(8 * u32);
    CHECK(near(error_ratios(example.problem, example.truth, f).out, 16));
}

TEST_CASE("one wrong element is found in any place of any tensor") {
    const JudgedProblem example;
    const auto a = example.attention<float>();
    const auto g = example.gradients<float>();
    const auto check_each = [](auto& elements, auto&& ratio) {
        for (auto& x : elements) {
            const auto right = x;
            x += 0.25f;
            CHECK(ratio() > 1e5);
            x = right;
        }
        CHECK(ratio() == 0);
    };
    auto wrong = a;
    auto wrong_g = g;
    check_each(wrong.out.flat(), [&] { return example.judge(wrong, g).out; });
    check_each(wrong.lse.flat(), [&] { return example.judge(wrong, g).lse; });
    check_each(wrong_g.dq.flat(), [&] { return example.judge(a, wrong_g).dq; });
    check_each(wrong_g.dk.flat(), [&] { return example.judge(a, wrong_g).dk; });
    check_each(wrong_g.dv.flat(), [&] { return example.judge(a, wrong_g).dv; });
}

TEST_CASE("a NaN or an infinity makes the ratio infinite, wherever it stands and whatever follows it") {
    const JudgedProblem example;
    const auto a = example.attention<double>();
    const auto g = example.gradients<double>();
    for (const double bad : {not_a_number, infinity, -infinity}) {
        const auto check_each = [&](auto& elements, auto&& ratios, double ErrorRatios::*ratio) {
            for (auto& x : elements) {
                const auto right = x;
                x = bad;
                const ErrorRatios found = ratios();
                CHECK(found.*ratio == infinity);
                CHECK_FALSE(found.within_bounds());
                x = right;
            }
        };
        auto wrong = a;
        auto wrong_g = g;
        check_each(
            wrong.out.flat(), [&] { return example.judge(wrong, g); }, &ErrorRatios::out);
        check_each(
            wrong.lse.flat(), [&] { return example.judge(wrong, g); }, &ErrorRatios::lse);
        check_each(
            wrong_g.dq.flat(), [&] { return example.judge(a, wrong_g); }, &ErrorRatios::dq);
        check_each(
            wrong_g.dk.flat(), [&] { return example.judge(a, wrong_g); }, &ErrorRatios::dk);
        check_each(
            wrong_g.dv.flat(), [&] { return example.judge(a, wrong_g); }, &ErrorRatios::dv);
    }
}

TEST_CASE("an error of exactly 1 is an error like any other") {
    const JudgedProblem example;
    auto a = example.attention<float>();
    a.out(1, 0, 2, 0) += 1;
    CHECK(near(error_ratios(example.problem, example.truth, a).out, 2 / u32));
}

TEST_CASE("a truth that is NaN passes nothing, not even NaN") {
    JudgedProblem example;
    example.truth.attention.out(0, 1, 2, 0) = not_a_number;
    CHECK(error_ratios(example.problem, example.truth, example.attention<double>()).out == infinity);
    JudgedProblem unbounded;
    unbounded.truth.magnitudes[5].score = infinity; // would make every error small
    auto a = unbounded.attention<double>();
    CHECK(error_ratios(unbounded.problem, unbounded.truth, a).out == 0);
    a.out(1, 0, 1, 0) += 1;
    CHECK(error_ratios(unbounded.problem, unbounded.truth, a).out == infinity);
}

TEST_CASE("rows that see nothing must be -inf in lse, and only they") {
    JudgedProblem example;
    example.truth.attention.lse(1, 2, 0) = -infinity;
    auto a = example.attention<float>();
    CHECK(error_ratios(example.problem, example.truth, a).lse == 0);
    a.lse(1, 2, 0) = -1e30f;
    CHECK(error_ratios(example.problem, example.truth, a).lse == infinity);
    a.lse(1, 2, 0) = std::numeric_limits<float>::infinity();
    CHECK(error_ratios(example.problem, example.truth, a).lse == infinity);
}

TEST_CASE("exact zeros of out and dv forgive nothing; those of dq and dk have their floors") {
    JudgedProblem example;
    example.truth.attention.out.flat().setZero();
    example.truth.gradients->dq.flat().setZero();
    example.truth.gradients->dk.flat().setZero();
    example.truth.gradients->dv.flat().setZero();
    for (Magnitudes& magnitudes : example.truth.magnitudes)
        magnitudes = {.score = 1, .dp = 0.25, .query = 0.5, .key = 8};
    auto a = example.attention<double>();
    auto g = example.gradients<double>();
    CHECK(example.judge(a, g).out == 0);
    CHECK(example.judge(a, g).dv == 0);
    a.out(0, 0, 0, 0) = 1e-300;
    g.dv(0, 0, 0, 0) = 1e-300;
    g.dq(0, 0, 0, 0) = 3 * u64 / 16;  // floor 0.5 * 0.25 * 8 / 16
    g.dk(0, 0, 0, 0) = 3 * u64 / 256; // floor 0.5 * 0.25 * 0.5 / 16
    CHECK(example.judge(a, g).out == infinity);
    CHECK(example.judge(a, g).dv == infinity);
    CHECK(near(example.judge(a, g).dq, 3));
    CHECK(near(example.judge(a, g).dk, 3));
    example.problem.softmax_scale = -0.5; // a floor is a magnitude
    CHECK(near(example.judge(a, g).dq, 3));
}

TEST_CASE("large scores condition out and gradients by max|s| / 8, and floor lse") {
    JudgedProblem example;
    for (Magnitudes& magnitudes : example.truth.magnitudes) magnitudes.score = 32;
    auto a = example.attention<double>();
    auto g = example.gradients<double>();
    a.out(0, 0, 0, 0) += 8 * u64;
    a.lse(0, 0, 0) += 64 * u64;
    g.dq(0, 0, 0, 0) += 8 * u64;
    g.dk(0, 0, 0, 0) += 8 * u64;
    g.dv(0, 0, 0, 0) += 8 * u64;
    const ErrorRatios ratios = example.judge(a, g);
    CHECK(near(ratios.out, 16 / 4.0));
    CHECK(near(ratios.lse, 64 / 32.0));
    CHECK(near(ratios.dq, 16 / 4.0));
    CHECK(near(ratios.dk, 16 / 4.0));
    CHECK(near(ratios.dv, 16 / 4.0));
}

TEST_CASE("every head is judged by its own magnitudes, a KV head by the largest of its query heads") {
    JudgedProblem example;
    example.truth.magnitudes[1 * 4 + 2].score = example.truth.magnitudes[1 * 4 + 3].score =
        80; // batch 1, those of KV head 1
    auto a = example.attention<double>();
    auto g = example.gradients<double>();
    a.out(0, 0, 3, 0) += u64;     // ratio 2: the same head of another batch
    g.dv(1, 0, 1, 0) += 20 * u64; // ratio 40 / 10
    g.dk(1, 0, 0, 0) += 20 * u64; // ratio 40: the other KV head
    CHECK(near(example.judge(a, g).out, 2));
    CHECK(near(example.judge(a, g).dv, 4));
    CHECK(near(example.judge(a, g).dk, 40));
    example.truth.attention.out(0, 0, 0, 0) = a.out(0, 0, 0, 0) = 1024; // a large neighbour does not hide it
    CHECK(near(example.judge(a, g).out, 2));
}

TEST_CASE("the bounds are those of the definition") {
    ErrorRatios ratios{.out = 30, .lse = 30, .dq = 100, .dk = 100, .dv = 100};
    CHECK(ratios.within_bounds());
    for (double ErrorRatios::*ratio :
         {&ErrorRatios::out, &ErrorRatios::lse, &ErrorRatios::dq, &ErrorRatios::dk, &ErrorRatios::dv}) {
        ErrorRatios above = ratios, nan = ratios;
        above.*ratio *= 1.001;
        nan.*ratio = not_a_number;
        CHECK_FALSE(above.within_bounds());
        CHECK_FALSE(nan.within_bounds());
    }
}

TEST_CASE("the forward ratio is the worse of out and lse") {
    CHECK(ErrorRatios{.out = 1, .lse = 2}.forward() == 2);
    CHECK(ErrorRatios{.out = 2, .lse = 1}.forward() == 2);
}

TEST_CASE("results of another shape are refused") {
    JudgedProblem example;
    auto a = example.attention<double>();
    a.out = Tensor<double>({2, 3, 4, 1}, 0);
    CHECK_THROWS_WITH_AS(error_ratios(example.problem, example.truth, a),
                         "out.shape = [2, 3, 4, 1]: must be the oracle's, [2, 3, 4, 2]", ShapeError);
    a = example.attention<double>();
    a.lse = Lse<double>(2, 3, 4);
    CHECK_THROWS_AS(error_ratios(example.problem, example.truth, a), ShapeError);
    a = example.attention<double>();
    const auto g = example.gradients<double>();
    auto wrong = g;
    wrong.dk = Tensor<double>(JudgedProblem::q, 0);
    CHECK_THROWS_AS(example.judge(a, wrong), ShapeError);
    example.truth.gradients.reset();
    CHECK_THROWS_AS(example.judge(a, g), ShapeError);
}

} // namespace dra
