#pragma once
/// \file
/// What correct means in bf16 and fp16: no worse than rounding S, P and O of the definition itself, within small
/// factors.
///
/// A half-precision kernel is judged on inputs that are exact in its type, against the oracle's y. The yardstick is
/// Y = |y' - y|, y' being the definition with S, P and O rounded to the type and everything else in float64:
///
///     out:  max |x - y| <= 2 max Y + atol,   mean |x - y| <= 1.5 mean Y,   ||x - y|| / ||y|| < 0.01
///           atol = 2 max |((y + 0.3) - 0.3) - y|, each operation rounded to the type
///     lse:  |x - y| <= 1e-4 max(1, max |s|), of each (batch, head): it never leaves float
///
/// (the form of FlashAttention's own tests, tests/test_flash_attn.py, with the mean added: a maximum alone lets a
/// systematic error of all elements pass). Defect `half-accumulator` waits here: it fails by the mean.

#include "reference/definition/oracle.hpp"

namespace dra {

/// The types with 16 bits, Eigen's, for which the templates below are instantiated.
using bfloat16 = Eigen::bfloat16;
using half = Eigen::half;

/// Every error as a share of its bound: 1 is at the bound. Infinite where a NaN or an infinity is in the wrong place.
struct HalfErrors {
    double out_max, out_mean, out_norm, lse;

    /// The largest share.
    double worst() const { return std::max({out_max, out_mean, out_norm, lse}); }
    bool within_bounds() const { return worst() <= 1; }
};

/// x in the type `Half` and back, to nearest, ties to even.
template <class Half> Tensor<float> rounded_to(const Tensor<float>& x) {
    return x.template cast<Half>().template cast<float>();
}

/// The yardstick's y': out [B, N, H, D] by definition, in float64, with S, P and O rounded to `Half`. O(B H N^2 D)
/// time.
template <class Half> Tensor<double> rounding_oracle(const Problem& problem, const InputsView<float>& inputs);

/// The errors of `result`, whose out is in `Half` (held in float) and whose lse is float, by `yardstick`, the
/// rounding_oracle of the same problem: every element of every row is compared. Rows that see no key must be exactly
/// (0, -inf). Throws ShapeError where shapes disagree.
template <class Half> HalfErrors half_errors(const Problem& problem, const Oracle& truth,
                                             const Tensor<double>& yardstick, const Attention<float>& result);

/// The same, with the yardstick of `inputs`, which are exact in `Half` and whose oracle is `truth`.
template <class Half> HalfErrors half_errors(const Problem& problem, const Oracle& truth,
                                             const InputsView<float>& inputs, const Attention<float>& result) {
    return half_errors<Half>(problem, truth, rounding_oracle<Half>(problem, inputs), result);
}

} // namespace dra
