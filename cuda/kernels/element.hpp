#pragma once
/// \file
/// The element types: how each becomes a float and how a float becomes it (rounded to nearest even).

#include "cuda/device/parameters.hpp"
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

} // namespace dra::cuda::DRA_TARGET
