#pragma once
/// \file
/// The verdict on a result of kernels, in any type.

#include "cuda/device/type.hpp"
#include "reference/definition/half_precision.hpp"
#include "reference/definition/tolerance.hpp"

namespace dra::test {

/// The error of `result` as a share of its bound, against the oracle on q, k and v as the type rounds them: the error
/// ratio in fp32, the judge of half precision in the others.
inline double share_of_bound(const Problem& problem, DType type, const Tensor<float>& given_q,
                             const Tensor<float>& given_k, const Tensor<float>& given_v,
                             const Attention<float>& result) {
    const Tensor<float> q = cuda::rounded(given_q, type), k = cuda::rounded(given_k, type),
                        v = cuda::rounded(given_v, type);
    const Oracle truth = oracle<float>(problem, {q, k, v});
    if (type == DType::f32) return error_ratios(problem, truth, result).forward() / forward_bound;
    if (type == DType::bf16) return half_errors<bfloat16>(problem, truth, {q, k, v}, result).worst();
    return half_errors<half>(problem, truth, {q, k, v}, result).worst();
}

} // namespace dra::test
