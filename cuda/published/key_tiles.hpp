#pragma once
/// \file
/// What the attention kernel and the kernel of fix 3's second product share: a block's queries in registers, tiles of
/// keys that arrive while the one before is computed, and scores with what a row does not see hidden.
///
/// A block has 4 warps of 16 rows and walks the keys in tiles of 64, two stages of shared memory, filled by cp.async.
/// The steps `pipelined` and `wide` of the ladder are where this is explained, and done with more care.

#include "cuda/kernels/products.hpp"
#include "cuda/published/sight.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

inline constexpr int tile_rows = 64, tile_keys = 64, block_threads = 128, stages = 2;

/// Shared memory of a block: Q, and of every stage K and, where values are needed, V.
template <class T, int D> constexpr std::size_t shared_bytes(bool values) {
    return sizeof(T) * D * (tile_rows + stages * tile_keys * (values ? 2u : 1u));
}

/// The walk of one block over the keys of its segment. D is the head dimension rounded up: what lies past it is zero.
template <class T, int D, class Sight, bool with_values> class KeyTiles {
public:
    using Tile = SwizzledTile<T, D>;

    __device__ __forceinline__ KeyTiles(const AttendCall& call, const BlockOfCall& block, unsigned char* shared)
        : call_(call), block_(block), q_tile_{reinterpret_cast<T*>(shared)},
          first_stage_(reinterpret_cast<T*>(shared) + tile_rows * D) {
        const Parameters& p = call.pattern;
        const RowsOfTensor keys = block.view.k;
        k_ = rows_of<T>(p, p.k, block.batch, call.chunk.count, keys, p.kv_heads, block.kv_head);
        v_ = rows_of<T>(p, p.v, block.batch, call.chunk.count, keys, p.kv_heads, block.kv_head);
        const int rows = block.view.q.count, last = block.first_row + tile_rows - 1;
        visited_ = Sight::visited(call, block.view, last < rows ? last : rows - 1);
    }

    /// Keys that this block visits.
    __device__ __forceinline__ int visited() const { return visited_; }

    /// Calls f(s, V, first key) for every tile of keys, s being its scores, unscaled, -inf where hidden. All threads.
    template <class F> __device__ __forceinline__ void walk(F f) {
        if (visited_ == 0) return;
        const Parameters& p = call_.pattern;
        copy_rows_async<tile_rows, block_threads>(
            q_tile_,
            rows_of<T>(p, p.q, block_.batch, call_.queries.count, block_.view.q, p.heads, block_.head), block_.first_row,
            block_.view.q.count, p.head_dim);
        start_copying(0);
        ptx::copy_async_commit();
        const int row = block_.first_row + 16 * warp_index() + lane_place().row;
        const Sight sight(call_, block_, {row, row + 8});
        Operand<D> q;
        const int tiles = (visited_ + tile_keys - 1) / tile_keys;
        for (int tile = 0; tile < tiles; ++tile) {
            if (tile + 1 < tiles) start_copying(tile + 1);
            ptx::copy_async_commit(); // empty after the last, so that the same number is always behind
            ptx::copy_async_wait<1>();
            __syncthreads();
            if (tile == 0) take_queries(q);
            float s[1][tile_keys / 8][4];
            multiply_scores<T, 1, tile_keys, D>(
                s,
                [&](int step, std::uint32_t (&a)[1][4]) {
                    DRA_UNROLLED for (int i = 0; i < 4; ++i) a[0][i] = q[step][i];
                },
                k_tile(tile));
            const int first_key = tile * tile_keys;
            if (!Sight::full(call_, block_.view, block_.first_row, first_key + tile_keys)) sight.hide(s[0], first_key);
            f(s[0], v_tile(tile));
            __syncthreads(); // before this stage is filled again
        }
    }

private:
    __device__ __forceinline__ Tile k_tile(int tile) const {
        return {first_stage_ + tile % stages * (with_values ? 2 : 1) * tile_keys * D};
    }
    __device__ __forceinline__ Tile v_tile(int tile) const { return {k_tile(tile).base + tile_keys * D}; }

    __device__ __forceinline__ void start_copying(int tile) {
        const int first = tile * tile_keys, rows = block_.view.k.count, head_dim = call_.pattern.head_dim;
        copy_rows_async<tile_keys, block_threads>(k_tile(tile), k_, first, rows, head_dim);
        if constexpr (with_values) copy_rows_async<tile_keys, block_threads>(v_tile(tile), v_, first, rows, head_dim);
    }

    __device__ __forceinline__ void take_queries(Operand<D>& q) {
        if (call_.pattern.softmax_scale < 0) {
            negate<tile_rows, block_threads>(q_tile_);
            __syncthreads();
        }
        DRA_UNROLLED for (int step = 0; step < D / 16; ++step) load_a(q[step], q_tile_, 16 * warp_index(), step);
    }

    const AttendCall& call_;
    const BlockOfCall& block_;
    Tile q_tile_;
    T* first_stage_;
    Rows<const T> k_, v_;
    int visited_;
};

} // namespace dra::cuda::DRA_TARGET::rungs
