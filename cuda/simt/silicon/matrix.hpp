#pragma once
/// \file
/// A warp's matrix instructions: ldmatrix, stmatrix, mma.sync; and the two conversions that live beside them.
///
/// What does not touch memory is not `volatile`, so that the compiler may move it between other instructions.

#include "cuda/simt/silicon/memory.hpp"

#include <type_traits>

namespace dra::cuda::silicon::ptx {

/// 2^x to about two units in the last place, denormals as zero; 2^-inf is 0. Sixteen per clock and multiprocessor.
__device__ __forceinline__ float exp2_approximate(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/// x y - z, rounded once: the compiler makes it one multiply-add.
__device__ __forceinline__ float product_less(float x, float y, float z) { return x * y - z; }

/// 1 / x to one unit in the last place, exact for powers of two; without the branch that a division has.
__device__ __forceinline__ float reciprocal_approximate(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/// Two floats rounded to nearest even, `low` in bits 0..15. Mind the order: PTX names the high half first.
template <class T> __device__ __forceinline__ std::uint32_t pack(float low, float high) {
    std::uint32_t both;
    if constexpr (std::is_same_v<T, bf16>)
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    else
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

/// found + 0 x, in both halves: 0 until an x is infinite or not a number, and NaN from then on.
template <class T> __device__ __forceinline__ std::uint32_t probe(std::uint32_t found, std::uint32_t x) {
    std::uint32_t after;
    if constexpr (std::is_same_v<T, bf16>)
        asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(after) : "r"(x), "r"(0), "r"(found));
    else
        asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(after) : "r"(x), "r"(0), "r"(found));
    return after;
}

/// Four 8x8 matrices of 16-bit elements: lane l gives the address of row l % 8 of matrix l / 8, and receives in r[i]
/// elements (l / 4, 2 (l % 4) + {0, 1}) of matrix i.
__device__ __forceinline__ void load_matrix_x4(std::uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// Loads four 8x8 matrices, each transposed: elements (2 (l % 4) + {0, 1}, l / 4).
__device__ __forceinline__ void load_matrix_x4_transposed(std::uint32_t (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// The reverse of load_matrix_x4 (sm_90).
__device__ __forceinline__ void store_matrix_x4(void* row, const std::uint32_t (&r)[4]) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(shared_address(row)), "r"(r[0]),
                 "r"(r[1]), "r"(r[2]), "r"(r[3])
                 : "memory");
}

/// d (16, 8) += a (16, 16) b (16, 8), float accumulation. The fragments' layouts are in cuda/kernels/fragment.hpp.
template <class T> __device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4],
                                                                std::uint32_t b0, std::uint32_t b1) {
#define DRA_MMA(type)                                                                                         \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, " \
        "{%0,%1,%2,%3};"                                                                                      \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                      \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
    if constexpr (std::is_same_v<T, bf16>)
        DRA_MMA("bf16");
    else
        DRA_MMA("f16");
#undef DRA_MMA
}

} // namespace dra::cuda::silicon::ptx
