#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// Central differences of a loss of size 1 have truncation step^2 and cancellation u / step; the best step is the cube
/// root of u, the error its square, with room for the derivatives' own size.
template <class T> T step() { return std::cbrt(std::numeric_limits<T>::epsilon()); }
template <class T> double bound() { return 200.0 * static_cast<double>(step<T>() * step<T>()); }

const Question questions[] = {
    {{1, 9, 2, 3}, 2, {{16}, {1}}, 1},
    {{2, 11, 3, 4}, 3, {{3, 5}, {2, 3}, Mode::groups, PhaseRule::group, true}, 2},
    {{1, 13, 4, 3}, 2, {{4, 8, 16}, {1, 2, 3}, Mode::mixture, PhaseRule::head, true}, 3},
    {{1, 40, 2, 5}, 1, {{40, 16}, {3, 1}, Mode::mixture, PhaseRule::head_block, false, -0.7}, 4},
};

TEST_CASE_TEMPLATE("dilated_attention_gradient is the central difference of dilated_attention's own output", T, float,
                   double) {
    double worst = 0;
    for (const Question& asked : questions) {
        CAPTURE(asked);
        GradientInputs<T> inputs(asked);
        const Problem& problem = inputs.problem;
        const auto loss = [&] {
            const Attention<T> result = dilated_attention<T>(problem, inputs);
            return (result.out.flat().template cast<double>() * inputs.dout.flat().template cast<double>()).sum();
        };
        const Attention<T> result = dilated_attention<T>(problem, inputs);
        const Gradients<T> gradients = dilated_attention_gradient<T>(problem, inputs, result, inputs.dout);
        const auto check = [&](Tensor<T>& input, const Tensor<T>& gradient) {
            const double largest = static_cast<double>(gradient.flat().abs().maxCoeff());
            REQUIRE(largest > 0.1); // not the gradient of nothing
            for (T& x : input.flat()) {
                const T at = x;
                x = at + step<T>();
                const double above = loss(), moved_up = static_cast<double>(x);
                x = at - step<T>();
                const double below = loss(), moved_down = static_cast<double>(x);
                x = at;
                const double difference = (above - below) / (moved_up - moved_down);
                const auto found = static_cast<double>(gradient.flat()[&x - input.data()]);
                worst = std::max(worst, std::abs(found - difference) / std::max(1.0, largest));
            }
        };
        check(inputs.q, gradients.dq);
        check(inputs.k, gradients.dk);
        check(inputs.v, gradients.dv);
    }
    MESSAGE("largest difference ", worst, " of bound ", bound<T>());
    CHECK(worst <= bound<T>());
}

} // namespace
} // namespace dra::test
