#include "tests/definition/oracle_cases.hpp"
#include "tests/golden.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <cmath>
#include <limits>

namespace dra::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Central differences with step 1e-5 of functions of size 1: truncation 1e-10 and cancellation 1e-11, with room.
constexpr double difference_step = 1e-5, difference_bound = 1e-8;

double largest(const Eigen::ArrayXd& x) { return x.isFinite().select(x.abs(), 0.0).maxCoeff(); }

/// max|x - y| / max|y|; infinite when a value that is not finite is not met by its equal.
double relative_error(const Eigen::ArrayXd& x, const Eigen::ArrayXd& y) {
    double error = 0;
    for (Index i = 0; i < y.size(); ++i)
        if (!(x[i] == y[i])) error = std::isfinite(x[i] - y[i]) ? std::max(error, std::abs(x[i] - y[i])) : infinity;
    return error == 0 ? 0 : error / largest(y);
}

} // namespace

TEST_CASE("terms too small to change a sum one by one change it together") {
    constexpr Index N = 257; // 1 + 2^-54 rounds to 1, of values with equal weights and then of the weights themselves
    Tensor<double> q({1, N, 1, 1}, 0), v({1, N, 1, 1}, 0x1p-54);
    v(0, 0, 0, 0) = 1;
    const Problem problem =
        validate({.segment_lengths = {N}, .dilation_rates = {1}, .softmax_scale = 1.0}, info<double>({q, q, v}));
    const double found = oracle<double>(problem, {q, q, v}).attention.out(0, 7, 0, 0), expected = (1 + 0x1p-46) / N;
    MESSAGE("relative error ", std::abs(found - expected) / expected);
    CHECK(std::abs(found - expected) <= 0x1p-52 * expected);

    const Tensor<double> ones({1, N, 1, 1}, 1);
    Tensor<double> k({1, N, 1, 1}, -54 * std::log(2.0));
    k(0, 0, 0, 0) = 0;
    CHECK(std::abs(oracle<double>(problem, {ones, k, v}).attention.lse(0, 0, 7) - 0x1p-46) <= 0x1p-52);
}

TEST_CASE("the oracle agrees with every golden case, forward and backward") {
    double worst = 0;
    for (const std::string& name : golden_names()) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        const Oracle truth = oracle<float>(golden.problem(), {golden.q, golden.k, golden.v}, golden.dout.view());
        const auto& [attention, gradients, magnitudes] = golden.expected;
        for (const double error : {relative_error(truth.attention.out.flat(), attention.out.flat()),
                                   relative_error(truth.attention.lse.flat(), attention.lse.flat()),
                                   relative_error(truth.gradients->dq.flat(), gradients->dq.flat()),
                                   relative_error(truth.gradients->dk.flat(), gradients->dk.flat()),
                                   relative_error(truth.gradients->dv.flat(), gradients->dv.flat())}) {
            CHECK(error <= golden_bound);
            worst = std::max(worst, error);
        }
    }
    MESSAGE("largest relative error ", worst);
}

TEST_CASE("the oracle's gradients are the central differences of its output") {
    double worst = 0;
    for (const Case& example : cases) {
        CAPTURE(example.name);
        CaseInputs inputs(example);
        const Gradients<double> gradients = *inputs.truth().gradients;
        const auto check = [&](Tensor<double>& input, const Tensor<double>& gradient) {
            REQUIRE(gradient.shape() == input.shape());
            REQUIRE(largest(gradient.flat()) > 0.1); // not the gradient of nothing
            for (double& x : input.flat()) {
                const double at = x;
                x = at + difference_step;
                const double above = inputs.loss();
                x = at - difference_step;
                const double below = inputs.loss();
                x = at;
                const double difference = (above - below) / (2 * difference_step);
                const double error = std::abs(gradient.flat()[&x - input.data()] - difference);
                CHECK(error <= difference_bound);
                worst = std::max(worst, error);
            }
        };
        check(inputs.q, gradients.dq);
        check(inputs.k, gradients.dk);
        check(inputs.v, gradients.dv);
    }
    MESSAGE("largest difference ", worst);
}

TEST_CASE("a pair is seen as often as patterns join it") {
    const Shape shape{1, 8, 2, 1};
    const Tensor<double> x(shape, 0);
    Configuration chosen{.segment_lengths = {4, 8}, .dilation_rates = {1, 2}, .mode = Mode::mixture, .causal = true};
    const Problem mixture = validate(chosen, info<double>({x, x, x}));
    // Head 1 has phase 0 under the first pattern and 1 under the second, which selects 1, 3, 5, 7.
    CHECK(times_seen(mixture, 1, 3, 1) == 2);
    CHECK(times_seen(mixture, 1, 1, 3) == 0);
    CHECK(times_seen(mixture, 1, 3, 2) == 1);
    CHECK(times_seen(mixture, 1, 5, 3) == 1);
    CHECK(times_seen(mixture, 1, 5, 2) == 0);
    CHECK(times_seen(mixture, 0, 6, 2) == 1);
    CHECK(times_seen(mixture, 0, 7, 3) == 0);

    chosen.mode = Mode::groups;
    chosen.causal = false;
    const Problem groups = validate(chosen, info<double>({x, x, x}));
    CHECK(times_seen(groups, 0, 0, 3) == 1);
    CHECK(times_seen(groups, 0, 0, 4) == 0);
    CHECK(times_seen(groups, 1, 1, 7) == 1); // pattern 1 starts at phase 1 mod 2
    CHECK(times_seen(groups, 1, 0, 0) == 0);
}

TEST_CASE("out and lse are the softmax written out") {
    const Shape shape{1, 3, 1, 1};
    Tensor<double> q(shape, 1), k(shape), v(shape);
    k.flat() << std::log(1.0), std::log(2.0), std::log(5.0);
    v.flat() << 8, 4, -8;
    const Configuration chosen{.segment_lengths = {3}, .dilation_rates = {1}, .causal = true, .softmax_scale = 1};
    const Oracle truth = oracle<double>(validate(chosen, info<double>({q, k, v})), {q, k, v});
    const Eigen::Array3d out(8.0, 16.0 / 3, -3.0), lse(0.0, std::log(3.0), std::log(8.0));
    CHECK(relative_error(truth.attention.out.flat(), out) <= golden_bound);
    CHECK(relative_error(truth.attention.lse.flat(), lse) <= golden_bound);
    CHECK_FALSE(truth.gradients.has_value());
}

TEST_CASE("a row that sees no key has out 0, lse -inf and gradients 0") {
    const CaseInputs inputs(cases[1]);
    const Oracle truth = inputs.truth();
    Index empty = 0;
    for (Index b = 0; b < 2; ++b)
        for (Index h = 0; h < 3; ++h)
            for (Index i = 0; i < 7; ++i) {
                if (times_seen(inputs.problem, h, i, i) > 0) continue;
                ++empty;
                CHECK(truth.attention.lse(b, h, i) == -infinity);
                for (Index d = 0; d < 2; ++d) {
                    CHECK(truth.attention.out(b, i, h, d) == 0);
                    CHECK(truth.gradients->dq(b, i, h, d) == 0);
                    CHECK(truth.gradients->dk(b, i, h, d) == 0);
                    CHECK(truth.gradients->dv(b, i, h, d) == 0);
                }
            }
    CHECK(empty > 10);
    CHECK_FALSE(truth.attention.out.flat().isNaN().any());
    CHECK_FALSE(truth.attention.lse.flat().isNaN().any());
    CHECK_FALSE(truth.gradients->dk.flat().isNaN().any());
}

TEST_CASE("exact cases are exact") {
    SUBCASE("equal scores, a power of two of keys, small-integer values") {
        const Shape shape{1, 64, 1, 4};
        const Tensor<double> q(shape, 0), k = random_normal<double>(shape, 1);
        Tensor<double> v(shape);
        for (Index i = 0; i < v.size(); ++i) v.flat()[i] = static_cast<double>(i * i % 17);
        const Configuration chosen{.segment_lengths = {64}, .dilation_rates = {1}};
        const Oracle truth = oracle<double>(validate(chosen, info<double>({q, k, v})), {q, k, v});
        const Eigen::Array4d mean = v.view().rows(0, 0).colwise().mean().transpose();
        for (Index n = 0; n < 64; ++n)
            for (Index d = 0; d < 4; ++d) CHECK(truth.attention.out(0, n, 0, d) == mean[d]);
    }
    SUBCASE("one visible key") {
        const Shape shape{1, 9, 2, 5};
        const auto q = random_normal<double>(shape, 1), k = random_normal<double>(shape, 2),
                   v = random_normal<double>(shape, 3);
        const Configuration chosen{.segment_lengths = {1}, .dilation_rates = {1}};
        const Oracle truth = oracle<double>(validate(chosen, info<double>({q, k, v})), {q, k, v});
        CHECK((truth.attention.out.flat() == v.flat()).all());
    }
}

TEST_CASE("scores of +-1e4 neither overflow nor lose a row") {
    const Shape shape{1, 16, 1, 1};
    Tensor<double> q(shape, 100), k(shape), v(shape, 1);
    for (Index n = 0; n < 16; ++n) k(0, n, 0, 0) = n % 2 == 0 ? 100 : -100;
    const Configuration chosen{.segment_lengths = {16}, .dilation_rates = {1}, .softmax_scale = 1};
    const Oracle truth = oracle<double>(validate(chosen, info<double>({q, k, v})), {q, k, v});
    CHECK((truth.attention.out.flat() == 1.0).all());
    CHECK((truth.attention.lse.flat() - (1e4 + std::log(8.0))).abs().maxCoeff() <= 1e4 * 2e-16);
    CHECK(truth.of(0, 0).score == 1e4);
}

TEST_CASE("the result is the same, bit for bit, for every number of threads") {
    const Case example{"",
                       {1, 200, 2, 16},
                       {1, 200, 1, 16},
                       {.segment_lengths = {64, 200}, .dilation_rates = {1, 3}, .mode = Mode::mixture, .causal = true}};
    const CaseInputs inputs(example);
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    const Oracle one = inputs.truth();
    for (const int team : {2, 3, 7}) {
        omp_set_num_threads(team);
        const Oracle many = inputs.truth();
        CHECK((one.attention.out.flat() == many.attention.out.flat()).all());
        CHECK((one.attention.lse.flat() == many.attention.lse.flat()).all());
        CHECK((one.gradients->dq.flat() == many.gradients->dq.flat()).all());
        CHECK((one.gradients->dk.flat() == many.gradients->dk.flat()).all());
        CHECK((one.gradients->dv.flat() == many.gradients->dv.flat()).all());
    }
    omp_set_num_threads(threads);
}

TEST_CASE("sums stay exact to the last place however many terms they have") {
    // 2^11 keys of weight 1 each: a plain sum of 0.1 drifts by tens of units in the last place.
    const Shape shape{1, 2048, 1, 1};
    const Tensor<double> q(shape, 0), k(shape, 0), v(shape, 0.1);
    const Configuration chosen{.segment_lengths = {2048}, .dilation_rates = {1}};
    Problem problem = validate(chosen, info<double>({q, k, v}));
    const Oracle truth = oracle<double>(problem, {q, k, v});
    CHECK((truth.attention.out.flat() - 0.1).abs().maxCoeff() <= 0.1 * 0x1p-52);
}

} // namespace dra::test
