#include "tests/both_ways.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

namespace dra::test {
namespace {

/// Finite truths are finite: every case has inputs whose scores, sums or products leave the type on the way to a result
/// that does not.
template <class T> constexpr T largest = std::numeric_limits<T>::max();

/// Fills the tensors of a small problem.
template <class T> struct Case {
    std::string name;
    std::function<void(GradientInputs<T>&)> fill;
    double scale = 1;
};

template <class T> void fill(Tensor<T>& x, std::initializer_list<T> channels) {
    Index e = 0;
    for (T& element : x.flat()) element = channels.begin()[e++ % std::ssize(channels)];
}

/// The cases, of two channels each.
template <class T> std::vector<Case<T>> cases() {
    const T root = std::sqrt(largest<T>) * T(0.7);
    return {
        {"scores of 1e8, whose lse is rounded by 8 in float",
         [](auto& inputs) {
             fill<T>(inputs.q, {T(1e8), T(0)}), fill<T>(inputs.k, {T(1), T(1)});
         }},
        {"one large score a row, from two terms",
         [](auto& inputs) {
             fill<T>(inputs.q, {T(7.0275046e8), T(4.7786736e8)}), fill<T>(inputs.k, {T(1), T(1)});
         }},
        {"scores near the largest",
         [](auto& inputs) {
             fill<T>(inputs.q, {largest<T> / 2, T(0)}), fill<T>(inputs.k, {T(1.7), T(0)}), inputs.dout.flat() /= 1000;
         }},
        {"scores near the lowest",
         [](auto& inputs) {
             fill<T>(inputs.q, {largest<T> / 2, T(0)}), fill<T>(inputs.k, {T(-1.7), T(0)}), inputs.dout.flat() /= 1000;
         }},
        {"terms of a score beyond the largest",
         [=](auto& inputs) {
             fill<T>(inputs.q, {2 * root, 2 * root}), fill<T>(inputs.k, {2 * root, -2 * root});
         }},
        {"terms of a score that cancel beyond the largest, and beyond the lowest, beside scores of 0",
         [=](auto& inputs) {
             fill<T>(inputs.q, {2 * root, 2 * root}),
                 fill<T>(inputs.k, {0, 0, -2 * root, 2 * root, 2 * root, -2 * root});
         }},
        {"a scale that makes scores small of what is large",
         [=](auto& inputs) {
             fill<T>(inputs.q, {2 * root, root}), fill<T>(inputs.k, {2 * root, root});
         },
         double(4 / largest<T>)},
        {"a large scale", [](auto& inputs) { inputs.q.flat() /= largest<T>; }, double(largest<T> / 2)},
        {"values near the largest",
         [](auto& inputs) {
             fill<T>(inputs.v, {largest<T>, -largest<T>}), inputs.dout.flat() /= largest<T>;
         }},
        {"values near the largest of both signs",
         [](auto& inputs) {
             inputs.v.flat() = inputs.v.flat().sign() * largest<T>;
             inputs.dout.flat() /= largest<T>;
         }},
        {"dP and its mean beyond the largest",
         [=](auto& inputs) {
             fill<T>(inputs.v, {2 * root, root}), fill<T>(inputs.dout, {2 * root, root});
         }},
        {"sums of dout beyond the largest, of two heads of opposite sign",
         [](auto& inputs) {
             inputs.v.flat().setZero(), inputs.q.flat().setZero();
             fill<T>(inputs.dout, {largest<T>, -largest<T>, T(-0.9) * largest<T>, T(0.9) * largest<T>});
         }},
        {"keys near the largest, scores of 1",
         [](auto& inputs) {
             inputs.k.flat() = inputs.k.flat().sign() * largest<T> / 4, inputs.q.flat() /= largest<T>;
         }},
        {"queries near the largest, scores of 1",
         [](auto& inputs) {
             inputs.q.flat() = inputs.q.flat().sign() * largest<T> / 4, inputs.k.flat() /= largest<T>;
         }},
    };
}

template <class T> bool finite(const Both<T>& found, const Oracle& truth) {
    const auto fits = [](double y) { return std::abs(y) <= static_cast<double>(largest<T>); };
    bool all = true;
    const auto compare = [&](const auto& x, const auto& y) {
        for (Index e = 0; e < x.size(); ++e)
            all = all && (!fits(y.flat()[e]) || std::isfinite(static_cast<double>(x.flat()[e])));
    };
    compare(found.forward.out, truth.attention.out);
    compare(found.forward.lse, truth.attention.lse);
    compare(found.backward.dq, truth.gradients->dq);
    compare(found.backward.dk, truth.gradients->dk);
    compare(found.backward.dv, truth.gradients->dv);
    return all;
}

TEST_CASE_TEMPLATE("what is finite by definition is finite by the engine and on a ring, and right", T, float, double) {
    double worst = 0;
    for (const Case<T>& example : cases<T>())
        for (const Index tokens : {1, 2, 4, 60})
            for (const bool causal : {false, true})
                for (const Mode mode : {Mode::groups, Mode::mixture}) {
                    Question asked{{1, tokens, 2, 2}, 1, {{tokens, 8}, {1, 1}, mode, {}, causal, example.scale}, 7};
                    asked.configuration.ranks = 3;
                    GradientInputs<T> inputs(asked);
                    example.fill(inputs);
                    const Oracle truth = oracle<T>(inputs.problem, inputs, TensorView<const T>(inputs.dout));
                    CAPTURE(example.name);
                    CAPTURE(asked);
                    CHECK(truth.attention.out.flat().isFinite().all());
                    CHECK(truth.gradients->dq.flat().isFinite().all());
                    for (const Both<T>& found : {run(inputs), run_ring(inputs)}) {
                        CHECK(finite(found, truth));
                        const ErrorRatios ratios = error_ratios(inputs.problem, truth, found.forward, &found.backward);
                        CAPTURE(ratios.out);
                        CAPTURE(ratios.lse);
                        CAPTURE(ratios.dq);
                        CAPTURE(ratios.dk);
                        CAPTURE(ratios.dv);
                        CHECK(ratios.within_bounds());
                        worst = std::max({worst, ratios.forward() / forward_bound,
                                          std::max({ratios.dq, ratios.dk, ratios.dv}) / gradient_bound});
                    }
                }
    MESSAGE("worst share of a bound: ", worst);
}

TEST_CASE_TEMPLATE("parts of a gradient that a ring or a mixture adds up may exceed what their sum does not", T, float,
                   double) {
    constexpr Index N = 60;
    for (const Index ranks : {1, 3, 60})
        for (const bool causal : {false, true}) {
            Question asked{{1, N, 1, 2}, 1, {{N, 8}, {1, 1}, Mode::mixture, {}, causal, 1.0}, 7};
            asked.configuration.ranks = ranks;
            GradientInputs<T> inputs(asked);
            inputs.q.flat().setOnes(), inputs.k.flat().setZero(), inputs.v.flat().setZero(),
                inputs.dout.flat().setZero();
            inputs.k(0, 0, 0, 0) = 300;   // every query sees the first key, and next to nothing else
            for (Index n = 0; n < N; ++n) // six of one sign, then six of the other, a 60th less
                inputs.dout(0, n, 0, 0) = (n / 6 % 2 ? T(-59) / N : T(1)) * largest<T> / 2;
            const Oracle truth = inputs.truth();
            for (const Both<T>& found : {run(inputs), run_ring(inputs)}) {
                const ErrorRatios ratios = error_ratios(inputs.problem, truth, found.forward, &found.backward);
                CAPTURE(ratios.dv);
                CHECK(found.backward.dv(0, 0, 0, 0) > largest<T> / 8);
                CHECK(ratios.within_bounds());
            }
        }
}

} // namespace
} // namespace dra::test
