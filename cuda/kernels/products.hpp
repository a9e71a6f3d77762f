#pragma once
/// \file
/// The two products of attention by mma.sync, from swizzled tiles: S = Q K^T and O += P V.
///
/// A warp has M tiles of 16 rows. Every fragment of K or V that ldmatrix fetches feeds 2 M products: with M = 1 the
/// fetches, not the products, are the limit.

#include "cuda/kernels/fragment.hpp"
#include "cuda/kernels/swizzle.hpp"

namespace dra::cuda::DRA_TARGET {

/// A fragment of A: rows [row, row + 16), columns [16 step, 16 step + 16) of the tile. Lanes 0..15 name the rows of the
/// left 8 columns, lanes 16..31 those of the right ones.
template <class T, int D>
__device__ __forceinline__ void load_a(std::uint32_t (&a)[4], SwizzledTile<T, D> tile, int row, int step) {
    const int lane = lane_index();
    ptx::load_matrix_x4(a, tile.at(row + (lane & 15), 2 * step + (lane >> 4)));
}

/// s = Q K^T (16 M, 8 N). `q(step, a)` gives the M fragments of columns [16 step, 16 step + 16) of Q.
template <class T, int M, int N, int D, class Q>
__device__ __forceinline__ void multiply_scores(float (&s)[M][N][4], Q q, SwizzledTile<T, D> K) {
    constexpr int KEYS = 8 * N;
    const int lane = lane_index();
    DRA_UNROLLED for (int m = 0; m < M; ++m) set_to_zero(s[m]);
    DRA_UNROLLED for (int step = 0; step < D / 16; ++step) {
        std::uint32_t a[M][4];
        q(step, a);
        DRA_UNROLLED for (int keys = 0; keys < KEYS; keys += 16) {
            // B is K^T: its rows are channels, its columns keys. r[0], r[1]: keys + 0..7, channels 0..7 and 8..15; r[2],
            // r[3]: keys + 8..15. K's rows are B's columns, which is what ldmatrix gives without transposing.
            std::uint32_t r[4];
            ptx::load_matrix_x4(r, K.at(keys + (lane & 7) + (lane >> 4) * 8, 2 * step + (lane >> 3 & 1)));
            DRA_UNROLLED for (int m = 0; m < M; ++m) {
                ptx::mma_m16n8k16<T>(s[m][keys / 8], a[m], r[0], r[1]);
                ptx::mma_m16n8k16<T>(s[m][keys / 8 + 1], a[m], r[2], r[3]);
            }
        }
    }
}

/// o += P V (16 M, D), P (16 M, 16 STEPS) as operands.
template <class T, int M, int N, int STEPS, int D> __device__ __forceinline__ void
multiply_values(float (&o)[M][N][4], const std::uint32_t (&p)[M][STEPS][4], SwizzledTile<T, D> V) {
    static_assert(8 * N == D);
    const int lane = lane_index();
    DRA_UNROLLED for (int step = 0; step < STEPS; ++step) DRA_UNROLLED for (int d = 0; d < D; d += 16) {
        // B is V: its rows are keys, its columns channels, so ldmatrix must transpose. r[0], r[1]: channels d + 0..7, keys
        // 0..7 and 8..15; r[2], r[3]: channels d + 8..15.
        std::uint32_t r[4];
        ptx::load_matrix_x4_transposed(r, V.at(16 * step + (lane & 15), d / 8 + (lane >> 4)));
        DRA_UNROLLED for (int m = 0; m < M; ++m) {
            ptx::mma_m16n8k16<T>(o[m][d / 8], p[m][step], r[0], r[1]);
            ptx::mma_m16n8k16<T>(o[m][d / 8 + 1], p[m][step], r[2], r[3]);
        }
    }
}

} // namespace dra::cuda::DRA_TARGET
