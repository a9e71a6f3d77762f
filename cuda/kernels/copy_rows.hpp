#pragma once
/// \file
/// Rows of a view, tile after tile, to shared memory by cp.async.

#include "cuda/kernels/compiler.hpp"
#include "cuda/kernels/swizzle.hpp"
#include "cuda/kernels/view.hpp"

namespace dra::cuda::DRA_TARGET {

/// One thread's part of copying tiles of ROWS rows by THREADS threads: a column of chunks, every THREADS / chunks-th
/// row. A warp's request is 32 chunks of whole rows, so a stride between rows costs no sector. Matrices with the same
/// stride share a RowCopy, as K and V do.
///
/// What lies past the view's rows or past its head dimension becomes zero without being read: not only to stay in
/// bounds, since 0 * NaN would leak whatever lies there into the products.
template <int ROWS, int THREADS, int D> class RowCopy {
public:
    /// Begins with the tile at row `first_row` of `rows`, which are `stride` elements apart; row 0 begins at element
    /// `first`.
    __device__ __forceinline__ RowCopy(long long first, long long stride, int first_row, int rows, int head_dim)
        : stride_(static_cast<unsigned>(stride / chunk_elements)),
          at_(static_cast<unsigned>(first / chunk_elements) + (first_row + row()) * stride_ + chunk()),
          rows_left_(chunk() * chunk_elements < head_dim ? rows - first_row - row() : 0) {}

    /// Starts copying this tile from a tensor.
    template <class T> __device__ __forceinline__ void copy(const T* tensor, SwizzledTile<T, D> to) const {
        DRA_UNROLLED for (int pass = 0; pass < ROWS / rows_per_pass; ++pass)
            ptx::copy_async_16(to.at(row() + pass * rows_per_pass, chunk()),
                               tensor + static_cast<std::size_t>(at_ + pass * rows_per_pass * stride_) * chunk_elements,
                               pass * rows_per_pass < rows_left_ ? 16 : 0);
    }

    /// Goes on to the tile after this one.
    __device__ __forceinline__ void next_tile() {
        at_ += ROWS * stride_;
        rows_left_ -= ROWS;
    }

private:
    static constexpr int chunks = D / chunk_elements, rows_per_pass = THREADS / chunks;
    static_assert(THREADS % chunks == 0 && ROWS % rows_per_pass == 0);
    static __device__ __forceinline__ int row() { return static_cast<int>(threadIdx.x) / chunks; }
    static __device__ __forceinline__ int chunk() { return static_cast<int>(threadIdx.x) % chunks; }

    // Counted in chunks: 32 bits reach 64 GiB then, and registers are short.
    unsigned stride_; ///< chunks from a row to the next
    unsigned at_;     ///< this thread's first chunk of the tile
    int rows_left_;   ///< the number of rows that the view has from that row on
};

} // namespace dra::cuda::DRA_TARGET
