#pragma once
/// \file
/// Where the 32 lanes of a warp hold the elements of a matrix that the tensor core multiplies.
///
/// With g = lane / 4 (0..7) and t = 2 (lane % 4) (0, 2, 4, 6), of mma.m16n8k16, D (16, 8) += A (16, 16) B (16, 8):
///
///     D  d[2 i + e]          row g + 8 i, column t + e                     i, e in {0, 1}
///     A  a[2 j + i], half e  row g + 8 i, column t + 8 j + e               j in {0, 1}
///     B  b[j], half e        row t + 8 j + e, column g
///
/// So a lane has two rows of D, and the two 8-column halves of 16 columns of D, rounded to 16 bits, are an A: the
/// weights of the softmax go from the first product to the second without leaving registers. wgmma's accumulators are
/// the same, with warp w of four on rows 16 w.. and 8-column blocks one after the other.

#include "cuda/kernels/compiler.hpp"
#include "cuda/simt/device.hpp"

namespace dra::cuda::DRA_TARGET {

/// Scores or outputs, of which a warp has 16 rows: [column / 8][2 i + e].
template <int Columns> using Accumulator = float[Columns / 8][4];

/// 16 rows of an A operand: [column / 16][2 j + i].
template <int Columns> using Operand = std::uint32_t[Columns / 16][4];

/// A lane's place in a fragment.
struct Lane {
    int row;    ///< g; the other row is g + 8
    int column; ///< t; the other columns are t + 1, and these plus multiples of 8
};

__device__ __forceinline__ int lane_index() { return static_cast<int>(threadIdx.x) & 31; }
__device__ __forceinline__ int warp_index() { return static_cast<int>(threadIdx.x) >> 5; }
__device__ __forceinline__ Lane lane_place() { return {lane_index() >> 2, (lane_index() & 3) * 2}; }

template <int N> __device__ __forceinline__ void set_to_zero(float (&accumulator)[N][4]) {
    DRA_UNROLLED for (int n = 0; n < N; ++n) DRA_UNROLLED for (int e = 0; e < 4; ++e) accumulator[n][e] = 0;
}

/// The A operand that an accumulator is, rounded to T.
template <class T, int N>
__device__ __forceinline__ void round_to_operand(const float (&from)[N][4], std::uint32_t (&to)[N / 2][4]) {
    DRA_UNROLLED for (int n = 0; n < N; ++n) {
        to[n / 2][2 * (n % 2)] = ptx::pack<T>(from[n][0], from[n][1]);
        to[n / 2][2 * (n % 2) + 1] = ptx::pack<T>(from[n][2], from[n][3]);
    }
}

/// The sum or maximum (f) over a row, whose four lanes are neighbours.
template <class F> __device__ __forceinline__ float across_row(float x, F f) {
    x = f(x, __shfl_xor_sync(~0u, x, 1));
    return f(x, __shfl_xor_sync(~0u, x, 2));
}

} // namespace dra::cuda::DRA_TARGET
