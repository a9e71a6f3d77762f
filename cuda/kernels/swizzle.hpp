#pragma once
/// \file
/// A tile of rows in shared memory, its 16-byte chunks permuted by an exclusive or.
///
/// A row of D 16-bit elements is D / 8 chunks. ldmatrix reads the same chunk of 8 successive rows at once; unpermuted,
/// their addresses differ by multiples of 128 bytes, all in the same four of the 32 banks, and the 8 rows come one
/// after the other: 8 wavefronts instead of 1. With chunk c of row i kept at c xor (i mod 8) the 8 rows lie in 8
/// different groups of banks. Rows are written one at a time, which the permutation leaves free of conflicts.

#include "cuda/simt/device.hpp"

namespace dra::cuda::DRA_TARGET {

/// The number of elements that a chunk of 16 bytes holds.
inline constexpr int chunk_elements = 8;

/// A tile (rows, D) of T in shared memory, `origin` elements after `memory`, which is a multiple of 8 rows.
template <class T, int D> struct SwizzledTile {
    static_assert(D % 64 == 0 && sizeof(T) == 2);
    static constexpr int chunks = D / chunk_elements; ///< chunks per row
    T* memory;
    int origin;

    /// The element after `memory` at which a chunk of a row begins.
    __device__ __forceinline__ int element(int row, int chunk) const {
        return origin + row * D + (chunk ^ (row & 7)) * chunk_elements;
    }
    __device__ __forceinline__ T* at(int row, int chunk) const { return memory + element(row, chunk); }
};

/// Where a lane reads fragments of a tile with ldmatrix: its place in the first 16 rows and 16 columns. The places
/// `row` rows (a multiple of 8) further and 16 * step columns to the right are an addition and an exclusive or away,
/// because neither changes the other's bits.
///
/// A cursor is a variable of the loop over the tiles, not derived in it from the tile: the compiler would keep the D /
/// 16 results of the exclusive or in registers from turn to turn, which are not there to spare.
template <class T, int D> struct FragmentCursor {
    T* memory;
    int element; ///< the lane's place in the first fragment, after `memory`

    /// The lane's place in the fragment `row` rows further and 16 * step columns to the right.
    __device__ __forceinline__ const T* at(int row, int step) const {
        return memory + ((element ^ 16 * step) + row * D);
    }

    /// Moves to the tile `elements` further, or back where they are negative.
    __device__ __forceinline__ void move(int elements) { element += elements; }
};

} // namespace dra::cuda::DRA_TARGET
