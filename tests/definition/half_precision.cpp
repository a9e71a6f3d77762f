#include "reference/definition/half_precision.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "tests/golden.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// A problem of ordinary size on inputs exact in Half, with its truth and the engine's float result rounded.
template <class Half> struct RoundedProblem {
    Problem problem;
    Tensor<float> q, k, v;
    Oracle truth;
    Attention<float> result;

    explicit RoundedProblem(const Question& asked) : RoundedProblem(RandomInputs<float>(asked)) {}

    HalfErrors judge(const Attention<float>& x) const { return half_errors<Half>(problem, truth, {q, k, v}, x); }

private:
    explicit RoundedProblem(const RandomInputs<float>& in)
        : problem(in.problem), q(rounded_to<Half>(in.q)), k(rounded_to<Half>(in.k)), v(rounded_to<Half>(in.v)),
          truth(oracle<float>(problem, {q, k, v})), result(dilated_attention<float>(problem, {q, k, v})) {
        result.out = rounded_to<Half>(result.out);
    }
};

const Question ordinary{{2, 48, 4, 32}, 2, {.segment_lengths = {24, 40}, .dilation_rates = {1, 3}, .causal = true}, 5};

} // namespace

TEST_CASE_TEMPLATE("the exact result rounded once is well within the bounds, and so is every golden case", Half,
                   bfloat16, half) {
    const RoundedProblem<Half> example(ordinary);
    const HalfErrors errors = example.judge(example.result);
    CHECK(errors.within_bounds());
    double worst = errors.worst();
    for (const std::string& name : golden_names()) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        const Tensor<float> q = rounded_to<Half>(golden.q), k = rounded_to<Half>(golden.k),
                            v = rounded_to<Half>(golden.v);
        const Problem problem = golden.problem();
        Attention<float> result = dilated_attention<float>(problem, {q, k, v});
        result.out = rounded_to<Half>(result.out);
        const double found = half_errors<Half>(problem, oracle<float>(problem, {q, k, v}), {q, k, v}, result).worst();
        CHECK(found <= 1);
        worst = std::max(worst, found);
    }
    MESSAGE("largest share of a bound: ", worst);
}

TEST_CASE_TEMPLATE("one element that is wrong by a tenth fails, and so do all elements wrong by two roundings", Half,
                   bfloat16, half) {
    const RoundedProblem<Half> example(ordinary);
    Attention<float> one = example.result, all = example.result;
    one.out(1, 30, 2, 7) += 0.1f;
    CHECK(example.judge(one).out_max > 1);
    all.out.flat() *= 1 + 2 * (std::is_same_v<Half, half> ? 0x1p-10f : 0x1p-7f); // epsilons
    CHECK(example.judge(all).out_mean > 1);
    CHECK_FALSE(example.judge(all).within_bounds());
}

TEST_CASE("the yardstick takes a segment that is longer than the sequence to end with it") {
    const auto yardstick = [](Index segment_length) {
        const RandomInputs<float> in(
            {{2, 5, 2, 8}, 2, {.segment_lengths = {segment_length}, .dilation_rates = {1}}, 4});
        return rounding_oracle<half>(in.problem, in);
    };
    CHECK((yardstick(5).flat() == yardstick(7).flat()).all());
}

TEST_CASE_TEMPLATE("accumulating in the type itself fails", Half, bfloat16, half) {
    // defect `half-accumulator`: the running output is kept in the type, key after key
    RoundedProblem<Half> example({{1, 256, 1, 64}, 1, {.segment_lengths = {256}, .dilation_rates = {1}}, 3});
    const auto q = example.q.view().rows(0, 0), k = example.k.view().rows(0, 0), v = example.v.view().rows(0, 0);
    for (Index i = 0; i < example.problem.tokens; ++i) {
        Eigen::ArrayX<Half> o = Eigen::ArrayX<Half>::Zero(64);
        for (Index j = 0; j < example.problem.tokens; ++j) {
            const double s = example.problem.softmax_scale * static_cast<double>(q.row(i).dot(k.row(j)));
            const auto p = static_cast<Half>(static_cast<float>(std::exp(s - example.truth.attention.lse(0, 0, i))));
            for (Index d = 0; d < 64; ++d) o[d] += p * static_cast<Half>(v(j, d));
        }
        for (Index d = 0; d < 64; ++d) example.result.out(0, i, 0, d) = static_cast<float>(o[d]);
    }
    CHECK(example.judge(example.result).out_mean > 1);
}

TEST_CASE("lse is judged against float's needs: 1e-4 of the largest score, and -inf must be -inf") {
    const RoundedProblem<bfloat16> example({{1, 9, 2, 8}, 2, {.segment_lengths = {4, 9}, .dilation_rates = {3, 1}}, 8});
    CHECK(example.judge(example.result).lse < 1);
    bool found_empty = false;
    for (Index n = 0; n < 9; ++n) {
        Attention<float> wrong = example.result;
        float& lse = wrong.lse(0, 0, n);
        found_empty = found_empty || std::isinf(lse);
        lse = std::isinf(lse) ? -1e30f
                              : lse + 2e-4f * static_cast<float>(std::max<Magnitude>(1, example.truth.of(0, 0).score));
        CHECK(example.judge(wrong).lse > 1);
    }
    CHECK(found_empty);
}

TEST_CASE("an error is counted in units of its bound, which it may just reach") {
    // out is 1 everywhere: ((1 + 0.3) - 0.3) in bf16 is 1 - 2^-8, so atol is 2^-7
    constexpr double off = 0x1p-4, norm = 16; // of every element of the yardstick; of 256 ones
    const Question asked{{1, 1, 1, 256}, 1, {.segment_lengths = {1}, .dilation_rates = {1}}, 1};
    const Problem problem = RandomInputs<float>(asked).problem;
    const Attention<float> right{Tensor<float>(asked.q, 1), Lse<float>(1, 1, 1)};
    Oracle truth{{Tensor<double>(asked.q, 1), Lse<double>(1, 1, 1)}, {}, {{}}};
    const Tensor<double> yardstick(asked.q, 1 + off);
    for (const double wrong : {0x1p-6, 2 * off + 0x1p-7, 2 * off + 0x1p-6})
        for (const double score : {0.25, 16.0}) {
            truth.magnitudes[0].score = score;
            truth.attention.lse.flat() = 0;
            Attention<float> result = right;
            result.out.flat()[3] += static_cast<float>(wrong);
            result.lse.flat() = 0x1p-14F;
            const HalfErrors found = half_errors<bfloat16>(problem, truth, yardstick, result);
            CHECK(found.out_max == wrong / (2 * off + 0x1p-7));
            CHECK(found.out_mean == doctest::Approx(wrong / (1.5 * off * 256)));
            CHECK(found.out_norm == doctest::Approx(wrong / (0.01 * norm)));
            CHECK(found.lse == doctest::Approx(0x1p-14 / (1e-4 * std::max(1.0, score))));
            CHECK(found.within_bounds() == (wrong <= 2 * off + 0x1p-7));
        }
}

TEST_CASE("no error of no bound is right, and an error of exactly 1 is counted like any other") {
    const Question asked{{1, 2, 1, 4}, 1, {.segment_lengths = {2}, .dilation_rates = {1}}, 1};
    const Problem problem = RandomInputs<float>(asked).problem;
    Oracle truth{{Tensor<double>(asked.q, 0), Lse<double>(1, 1, 2)}, {}, {{}}};
    truth.attention.lse.flat() = 0;
    Attention<float> result{Tensor<float>(asked.q, 0), Lse<float>(1, 1, 2)};
    result.lse.flat() = 0;
    const auto judge = [&] { return half_errors<half>(problem, truth, truth.attention.out, result); };
    CHECK(judge().worst() == 0);
    result.out.flat()[5] = 1;
    CHECK(judge().out_norm == std::numeric_limits<double>::infinity()); // of truths that are all 0
    truth.attention.out.flat()[0] = result.out.flat()[0] = 1;
    CHECK(judge().out_norm == 100);
}

TEST_CASE("NaN and infinities are infinitely wrong, wherever they stand") {
    const RoundedProblem<half> example({{1, 5, 1, 8}, 1, {.segment_lengths = {5}, .dilation_rates = {2}}, 8});
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        for (Index e = 0; e < example.result.out.size(); ++e) {
            Attention<float> wrong = example.result;
            wrong.out.flat()[e] = bad;
            CHECK(example.judge(wrong).out_max == std::numeric_limits<double>::infinity());
        }
        Attention<float> wrong = example.result;
        wrong.lse(0, 0, 0) = bad;
        CHECK_FALSE(example.judge(wrong).within_bounds());
    }
}

TEST_CASE("a result of another shape is refused") {
    const RoundedProblem<half> example({{1, 5, 1, 8}, 1, {.segment_lengths = {5}, .dilation_rates = {2}}, 8});
    CHECK_THROWS_AS(example.judge({Tensor<float>(Shape{1, 4, 1, 8}, 0), Lse<float>(1, 1, 5)}), ShapeError);
    CHECK_THROWS_AS(example.judge({example.result.out, Lse<float>(1, 1, 4)}), ShapeError);
}

} // namespace dra::test
