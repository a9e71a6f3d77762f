#pragma once
/// \file
/// wgmma (sm_90a): four warps multiply 64 rows, B (and perhaps A) straight from shared memory, asynchronously.
///
/// Between wgmma_fence() and the wait, the accumulators and the registers of A belong to the tensor core. B with
/// TransposeB = 0 is K-major (rows of B^T contiguous: K), with 1 MN-major (rows of B contiguous: V). Descriptors come
/// from cuda/simt/matrix_descriptor.hpp.

#include "cuda/simt/silicon/memory.hpp"
#include "cuda/simt/silicon/warpgroup_text.hpp"

#include <type_traits>

namespace dra::cuda::silicon::ptx {

/// Orders what this warpgroup did to registers and (with the proxy fence) shared memory before its next wgmma.
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Waits until at most N groups are under way.
template <int N> __device__ __forceinline__ void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

/// Ties every register of d to this point: no use of d is moved across it, which the compiler may do with a wait.
template <int N> __device__ __forceinline__ void pin(float (&d)[N]) {
#pragma unroll
    for (int i = 0; i < N; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

/// d (64, N) = a (64, 16) b (16, N), plus d if `accumulate`: A and B from descriptors. Thread t of the warpgroup holds
/// rows 16 (t / 32) + (t % 32) / 4 + {0, 8}; d[4 j + 2 i + e] is column 8 j + 2 (t % 4) + e of row i.
template <int N, class T, int TransposeB = 0>
__device__ __forceinline__ void wgmma_shared(float (&d)[N / 2], std::uint64_t a, std::uint64_t b, int accumulate) {
    DRA_WGMMA_DISPATCH(DRA_WGMMA_SHARED)
}

/// The product with A in registers: the fragments of mma_m16n8k16, each warp its own 16 rows.
template <int N, class T, int TransposeB = 0> __device__ __forceinline__ void
wgmma_registers(float (&d)[N / 2], const std::uint32_t (&a)[4], std::uint64_t b, int accumulate) {
    DRA_WGMMA_DISPATCH(DRA_WGMMA_REGISTERS)
}

/// setmaxnreg: a whole warpgroup takes registers, or gives them back; R is a multiple of 8.
template <int R> __device__ __forceinline__ void registers_increase() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(R));
}
template <int R> __device__ __forceinline__ void registers_decrease() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(R));
}

} // namespace dra::cuda::silicon::ptx
