#pragma once
/// \file
/// A tile of rows in shared memory, its 16-byte chunks permuted by an exclusive or, and how cp.async fills it.
///
/// A row of D 16-bit elements is D / 8 chunks. ldmatrix reads the same chunk of 8 successive rows at once; unpermuted,
/// their addresses differ by multiples of 128 bytes, all in the same four of the 32 banks, and the 8 rows come one after
/// the other: 8 wavefronts instead of 1. With chunk c of row i kept at c xor (i mod 8) the 8 rows lie in 8 different
/// groups of banks. Rows are written a row at a time, which the permutation leaves free of conflicts.

#include "cuda/kernels/unroll.hpp"
#include "cuda/kernels/view.hpp"

namespace dra::cuda::DRA_TARGET {

/// Elements that a chunk of 16 bytes holds.
inline constexpr int chunk_elements = 8;

/// Tile (rows, D) of T in shared memory.
template <class T, int D> struct SwizzledTile {
    static_assert(D % 64 == 0 && sizeof(T) == 2);
    static constexpr int chunks = D / chunk_elements; ///< a row
    T* base;

    __device__ __forceinline__ T* at(int row, int chunk) const {
        return base + row * D + (chunk ^ (row & 7)) * chunk_elements;
    }
};

/// Starts copies of rows [first_row, first_row + ROWS) of `from` into the tile, by THREADS threads. What lies past the view's
/// rows or past its head dimension becomes zero without being read: not only to stay in bounds, since 0 * NaN would leak
/// whatever lies there into the products.
template <int ROWS, int THREADS, class T, int D> __device__ __forceinline__ void
copy_rows_async(SwizzledTile<T, D> tile, const Rows<const T>& from, int first_row, int rows, int head_dim) {
    constexpr int chunks = SwizzledTile<T, D>::chunks, rows_a_pass = THREADS / chunks;
    static_assert(THREADS % chunks == 0 && ROWS % rows_a_pass == 0);
    const int thread = static_cast<int>(threadIdx.x), chunk = thread % chunks, row0 = thread / chunks;
    const bool in_row = chunk * chunk_elements < head_dim;
    const T* source = from[first_row + row0] + chunk * chunk_elements;
    DRA_UNROLLED for (int pass = 0; pass < ROWS / rows_a_pass; ++pass) {
        const int row = row0 + pass * rows_a_pass;
        const bool in = in_row && first_row + row < rows;
        ptx::copy_async_16(tile.at(row, chunk), in ? source : from.first, in ? 16 : 0);
        source += rows_a_pass * from.stride;
    }
}

} // namespace dra::cuda::DRA_TARGET
