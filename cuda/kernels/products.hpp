#pragma once
/// \file
/// The two products of attention by mma.sync, from swizzled tiles: S = Q K^T and O += P V.
///
/// A warp has M tiles of 16 rows. Every fragment of K or V that ldmatrix fetches feeds 2 M products: with M = 1 the
/// fetches, not the products, are the limit.

#include "cuda/kernels/fragment.hpp"
#include "cuda/kernels/swizzle.hpp"

namespace dra::cuda::DRA_TARGET {

/// A cursor for A operands (16, 16) from row `row` on: lanes 0..15 name the rows of the left 8 columns, 16..31 those of
/// the right.
template <class T, int D> __device__ __forceinline__ FragmentCursor<T, D> query_cursor(SwizzledTile<T, D> Q, int row) {
    const int lane = lane_index();
    return {Q.memory, Q.element(row + (lane & 15), lane >> 4)};
}

/// A cursor for B operands from K, 16 keys by 16 channels. B is K^T: its rows are channels, its columns keys, so that
/// K's rows are B's columns, which is what ldmatrix gives without transposing. r[0], r[1]: keys 0..7, channels 0..7 and
/// 8..15; r[2], r[3]: keys 8..15.
template <class T, int D> __device__ __forceinline__ FragmentCursor<T, D> key_cursor(SwizzledTile<T, D> K) {
    const int lane = lane_index();
    return {K.memory, K.element((lane & 7) + (lane >> 4) * 8, lane >> 3 & 1)};
}

/// A cursor for B operands from V, 16 keys by 16 channels. B's rows are keys, so ldmatrix must transpose. r[0], r[1]:
/// channels 0..7, keys 0..7 and 8..15; r[2], r[3]: channels 8..15.
template <class T, int D> __device__ __forceinline__ FragmentCursor<T, D> value_cursor(SwizzledTile<T, D> V) {
    const int lane = lane_index();
    return {V.memory, V.element(lane & 15, lane >> 4)};
}

/// s = Q K^T (16 M, 8 N). `q(step, a)` gives the M fragments of columns [16 step, 16 step + 16) of Q.
template <class T, int M, int N, int D, class Q>
__device__ __forceinline__ void multiply_scores(float (&s)[M][N][4], Q q, FragmentCursor<T, D> K) {
    DRA_UNROLLED for (int m = 0; m < M; ++m) set_to_zero(s[m]);
    DRA_UNROLLED for (int step = 0; step < D / 16; ++step) {
        std::uint32_t a[M][4];
        q(step, a);
        DRA_UNROLLED for (int n = 0; n < N; n += 2) {
            std::uint32_t r[4];
            ptx::load_matrix_x4(r, K.at(8 * n, step));
            DRA_UNROLLED for (int m = 0; m < M; ++m) {
                ptx::mma_m16n8k16<T>(s[m][n], a[m], r[0], r[1]);
                ptx::mma_m16n8k16<T>(s[m][n + 1], a[m], r[2], r[3]);
            }
        }
    }
}

/// o += P V (16 M, D), with P (16 M, 16 STEPS) as operands.
template <class T, int M, int N, int STEPS, int D> __device__ __forceinline__ void
multiply_values(float (&o)[M][N][4], const std::uint32_t (&p)[M][STEPS][4], FragmentCursor<T, D> V) {
    static_assert(8 * N == D);
    DRA_UNROLLED for (int step = 0; step < STEPS; ++step) DRA_UNROLLED for (int n = 0; n < N; n += 2) {
        std::uint32_t r[4];
        ptx::load_matrix_x4_transposed(r, V.at(16 * step, n / 2));
        DRA_UNROLLED for (int m = 0; m < M; ++m) {
            ptx::mma_m16n8k16<T>(o[m][n], p[m][step], r[0], r[1]);
            ptx::mma_m16n8k16<T>(o[m][n + 1], p[m][step], r[2], r[3]);
        }
    }
}

} // namespace dra::cuda::DRA_TARGET
