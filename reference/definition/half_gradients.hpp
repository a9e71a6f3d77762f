#pragma once
/// \file
/// What a correct gradient means in bf16 and fp16: no worse than rounding S, P, O, dP and dS of the definition itself.
///
/// y is the oracle on inputs that are exact in the type, y' the definition with S, P, O, dP, dS and the gradients
/// themselves rounded to the type and everything else in float64, Y = |y' - y|:
///
///     dq, dk, dv:  max |x - y| <= 3 max Y + atol,   atol = 2 max |((y + 0.3) - 0.3) - y|, rounded at every operation
///
/// (the form of FlashAttention's own tests, as in half_precision.hpp). `Half` is bfloat16 or half.

#include "reference/definition/half_precision.hpp"

namespace dra {

/// The largest error of each gradient as a share of its bound.
struct HalfGradientErrors {
    double dq, dk, dv;

    /// The largest share.
    double worst() const { return std::max({dq, dk, dv}); }
};

/// The yardstick's y' for the inputs and dout [B, N, H, D]. O(B H N^2 D) time.
template <class Half> Gradients<double> rounding_gradients(const Problem& problem, const InputsView<float>& inputs,
                                                           TensorView<const float> dout);

/// The errors of `result`, whose elements are in `Half`, held in float, against `truth`: every element is compared.
/// Throws ShapeError where shapes disagree.
template <class Half> HalfGradientErrors half_gradient_errors(const Gradients<double>& truth,
                                                              const Gradients<double>& yardstick,
                                                              const Gradients<float>& result);

} // namespace dra
