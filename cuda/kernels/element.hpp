#pragma once
/// \file
/// The element types: how each becomes a float and how a float becomes it (rounded to nearest even).

#include "cuda/kernels/parameters.hpp"
#include "cuda/simt/device.hpp"

namespace dra::cuda::DRA_TARGET {

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bf16 x) { return __bfloat162float(x); }
__device__ __forceinline__ float to_float(fp16 x) { return __half2float(x); }

template <class T> __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x) { return x; }
template <> __device__ __forceinline__ bf16 from_float<bf16>(float x) { return __float2bfloat16(x); }
template <> __device__ __forceinline__ fp16 from_float<fp16>(float x) { return __float2half(x); }

/// Names a type where a value of it is not at hand.
template <class T> struct Element { using type = T; };

/// Calls f(Element<T>{}) with the type that `type` names: the one place where a run-time type becomes a template argument.
template <class F> auto with_element(Type type, F f) {
    if (type == Type::bf16) return f(Element<bf16>{});
    if (type == Type::fp16) return f(Element<fp16>{});
    return f(Element<float>{});
}

/// The same for the types that tensor cores multiply.
template <class F> auto with_half(Type type, F f) {
    return type == Type::bf16 ? f(Element<bf16>{}) : f(Element<fp16>{});
}

} // namespace dra::cuda::DRA_TARGET
