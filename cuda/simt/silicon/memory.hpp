#pragma once
/// \file
/// Global and shared memory: plain loads and stores, which the emulator counts and checks.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

/// The block's dynamic shared memory, on the 1024-byte boundary that the 128-byte swizzle needs.
#define DRA_SHARED_MEMORY(name) extern __shared__ __align__(1024) unsigned char name[]

namespace dra::cuda::silicon {

using bf16 = __nv_bfloat16;
using fp16 = __half;

template <class T> __device__ __forceinline__ T load(const T* from) { return *from; }
template <class T> __device__ __forceinline__ void store(T* to, T value) { *to = value; }
template <class T> __device__ __forceinline__ T shared_load(const T* from) { return *from; }
template <class T> __device__ __forceinline__ void shared_store(T* to, T value) { *to = value; }

/// The emulator's counters; nothing here.
__device__ __forceinline__ void count_pairs(unsigned long long) {}
__device__ __forceinline__ void count_flops(unsigned long long) {}

namespace ptx {

/// An address as the instructions below want it: 32 bits, within shared memory.
__device__ __forceinline__ std::uint32_t shared_address(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

} // namespace ptx
} // namespace dra::cuda::silicon
