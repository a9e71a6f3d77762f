#include "reference/definition/half_gradients.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// Half of the distance from 1 to the next number.
template <class Half> constexpr double rounding_unit = std::is_same_v<Half, half> ? 0x1p-11 : 0x1p-8;

/// ||x - y|| / ||y||.
double relative_norm(const Tensor<double>& x, const Tensor<double>& y) {
    return std::sqrt((x.flat() - y.flat()).square().sum() / y.flat().square().sum());
}

TEST_CASE_TEMPLATE("gradients by the definition with rounded S, P, O, dP and dS are the exact ones up to few roundings",
                   Half, bfloat16, half) {
    constexpr double few = 4, one = 0.25; // rounding units, in the norm; the gradients themselves are rounded too
    double least = few, most = 0;
    for (const bool causal : {false, true})
        for (const Mode mode : {Mode::groups, Mode::mixture}) {
            Question asked{{2, 29, 4, 16}, 2, {{12, 29}, {1, 3}, mode, PhaseRule::head, causal, 0.4}, 7};
            const GradientInputs<float> exact(asked);
            const Tensor<float> q = rounded_to<Half>(exact.q), k = rounded_to<Half>(exact.k),
                                v = rounded_to<Half>(exact.v), dout = rounded_to<Half>(exact.dout);
            const Gradients<double> y = *oracle<float>(exact.problem, {q, k, v}, dout.view()).gradients,
                                    rounded = rounding_gradients<Half>(exact.problem, {q, k, v}, dout);
            for (const auto part : {&Gradients<double>::dq, &Gradients<double>::dk, &Gradients<double>::dv}) {
                const double found = relative_norm(rounded.*part, y.*part) / rounding_unit<Half>;
                least = std::min(least, found), most = std::max(most, found);
                CHECK(rounded_to<Half>((rounded.*part).template cast<float>())
                          .template cast<double>()
                          .flat()
                          .isApprox((rounded.*part).flat(), 0));
            }
        }
    MESSAGE("from ", least, " to ", most, " rounding units");
    CHECK(most <= few);
    CHECK(least >= one);
}

TEST_CASE("an error of a gradient is counted in units of its bound, each tensor by itself") {
    // 1 and, in one place, -1: ((1 + 0.3) - 0.3) in bf16 is 1 - 2^-8, so atol is 2^-7; of -1 nothing is lost
    constexpr double off = 0x1p-4, wrong = 0x1p-3, atol = 0x1p-7;
    const Shape shape{1, 3, 1, 5};
    const auto all = [&](double dq, double dk, double dv) {
        Gradients<double> x{{shape, dq}, {shape, dk}, {shape, dv}};
        x.dq.flat()[7] = x.dk.flat()[8] = x.dv.flat()[9] = -1;
        return x;
    };
    Gradients<double> yardstick = all(1, 1, 1);
    yardstick.dq.flat()[2] -= off, yardstick.dk.flat()[14] += 2 * off;
    Gradients<float> result{all(1, 1, 1).dq.cast<float>(), all(1, 1, 1).dk.cast<float>(),
                            all(1, 1, 1).dv.cast<float>()};
    result.dq.flat()[0] += static_cast<float>(wrong), result.dk.flat()[3] -= static_cast<float>(wrong);
    const HalfGradientErrors found = half_gradient_errors<bfloat16>(all(1, 1, 1), yardstick, result);
    CHECK(found.dq == wrong / (3 * off + atol));
    CHECK(found.dk == wrong / (3 * 2 * off + atol));
    CHECK(found.dv == 0);
    CHECK(found.worst() == found.dq);
    result.dv.flat()[14] = std::numeric_limits<float>::quiet_NaN();
    CHECK(half_gradient_errors<bfloat16>(all(1, 1, 1), yardstick, result).worst() ==
          std::numeric_limits<double>::infinity());
}

} // namespace
} // namespace dra::test
