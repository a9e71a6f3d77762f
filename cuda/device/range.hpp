#pragma once
/// \file
/// Of which inputs the kernels' results are finite, and how far an element that is not finite reaches.
///
/// **Range.** Kernels compute in float, and round weights to the type. With max|q|, max|k| and max|v| of what the type
/// makes of the tensors, and c = |scale| log2(e), every kernel's out and lse are finite, and right, where
///
///     N max|v| <= 2^119               before the sum of the weights divides it, a weight is up to 2^8 (softmax.hpp), and float
///                                     ends at 2^128
///     max|v| <= 65472 in fp16         weights rounded up make more of 65504, the largest, than fp16 holds
///     D max|q| max|k| <= 2^100        a scale of 0 is 2^-126 (softmax.hpp), and that times a score must still be as good as 0
///     c D max|q| max|k| <= 2^23       in the exponent c s - c m, one multiply-add, c m is rounded: by 1/2 here
///     |scale| <= 2^127                c is a float; every executor asks for this
///
/// Where kernels break is no more than 2^3 beyond the first bound (2^11 in naive and tiled), at 65504, at 2^112 (a
/// scale of 0 is no longer one, but for naive and tiled), and from about 2^34 on (bf16; the weights of a row are all
/// wrong by one factor, which then is 2^128). A weight below 2^-126 of a row's largest (2^-24 in fp16) is 0, whatever
/// its value is worth.
///
/// **Keys that a row does not see.** A row of q that is not finite reaches that row of out and lse, in every kernel. A
/// row of k reaches the rows that see the key: the scores of others are replaced. A row of v does so in naive and
/// tiled; in the kernels on tensor cores a weight of 0 multiplies it (0 * NaN is NaN), and it reaches every row of the
/// query tiles that meet its key tile, in the channels where it is not finite. So under a causal mask it also reaches
/// rows before it, fewer than a query tile has: AttentionKernel::rows_for() or, where all_patterns merges a mixture,
/// 192. What other segments, phases, heads and batches hold reaches nothing.
///
/// Other rows of a query tile with such a row are right, but may be rounded otherwise: a warp moves the shifts of its
/// rows together, and fixed_reference does a tile again. Rows of other tiles keep every bit.

#include "cuda/device/type.hpp"

namespace dra::cuda {

inline constexpr double largest_value_sum = 0x1p119; ///< bound of N max|v|
inline constexpr double largest_fp16_value = 65472;  ///< bound of max|v| in fp16
inline constexpr double largest_score = 0x1p100;     ///< bound of D max|q| max|k|
inline constexpr double largest_exponent = 0x1p23;   ///< bound of c D max|q| max|k|
inline constexpr double largest_scale = 0x1p127;     ///< bound of |scale|

/// Throws PatternError where the scale is larger.
void check_scale(const Problem& problem);

/// Throws ShapeError, with the field, its value and the rule, where q, k or v, rounded to the type, has an element that
/// is not finite or lies beyond the range.
void check_range(const Problem& problem, DType type, const Tensor<float>& q, const Tensor<float>& k,
                 const Tensor<float>& v);

} // namespace dra::cuda
