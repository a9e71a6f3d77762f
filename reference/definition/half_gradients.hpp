#pragma once
/// \file
/// What a correct gradient means in bf16 and fp16: no worse than rounding S, P, O, dP and dS of the definition itself.
///
/// y is the oracle on inputs that are exact in the type, y' the definition with S, P, O, dP, dS and the gradients
/// themselves rounded to the type and everything else in float64, Y = |y' - y|:
///
///     dq, dk, dv:  max |x - y| <= 3 max Y + atol,   atol = 2 max |((y + 0.3) - 0.3) - y|, rounded at every operation

#include "reference/definition/half_precision.hpp"

namespace dra {

/// The largest error of each gradient as a share of its bound.
struct HalfGradientErrors {
    double dq, dk, dv;

    double worst() const { return std::max({dq, dk, dv}); }
};

/// y' of the yardstick. O(B H N^2 D).
template <class Half> Gradients<double> rounding_gradients(const Problem& problem, const InputsView<float>& inputs,
                                                           TensorView<const float> dout);

/// Judges every element of `result`, held in float, against `truth`.
template <class Half> HalfGradientErrors half_gradient_errors(const Gradients<double>& truth,
                                                              const Gradients<double>& yardstick,
                                                              const Gradients<float>& result);

} // namespace dra
