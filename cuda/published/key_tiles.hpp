#pragma once
/// \file
/// What the attention kernel and the kernel of fix 3's second product share: a block's queries in registers, tiles of
/// keys that arrive while the one before is computed, and scores with what a row does not see hidden.
///
/// A block has 4 warps of 16 rows and walks the keys in tiles of 64, in two stages that cp.async fills in turn. The
/// kernel `pipelined` of the ladder is where this is explained, and the kernels after it do it with more care.

#include "cuda/kernels/copy_rows.hpp"
#include "cuda/kernels/negate.hpp"
#include "cuda/kernels/products.hpp"
#include "cuda/published/masking.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// The sizes of a block.
inline constexpr int tile_rows = 64, tile_keys = 64, block_threads = 128, stages = 2;

/// Bytes of a block's shared memory: Q, the stages of K and, where values are needed, those of V.
template <class T, int D> constexpr std::size_t shared_bytes(bool values) {
    return sizeof(T) * D * (tile_rows + stages * tile_keys * (values ? 2u : 1u));
}

/// The walk of one block over the keys of its segment. D is the head dimension rounded up: what lies past it is zero.
template <class T, int D, class Masking, bool with_values> class KeyTiles {
public:
    using Cursor = FragmentCursor<T, D>;

    __device__ __forceinline__ KeyTiles(const AttendCall& call, const BlockOfCall& block, unsigned char* shared)
        : call_(call), block_(block), memory_(reinterpret_cast<T*>(shared)) {
        const int rows = block.view.q.count, last = block.first_row + tile_rows - 1;
        visited_ = Masking::visited(call, block.view, last < rows ? last : rows - 1);
    }

    /// The number of keys that this block visits.
    __device__ __forceinline__ int visited() const { return visited_; }

    /// Calls f(s, V) for every tile of keys, s being its scores, unscaled, -inf where hidden, and V where to read
    /// fragments of its values. All threads of the block call it.
    template <class F> __device__ __forceinline__ void walk(F f) {
        if (visited_ == 0) return;
        const Parameters& p = call_.pattern;
        const RowsOfTensor q_rows = block_.view.q, k_rows = block_.view.k;
        const auto elements_apart = [&](RowsOfTensor rows, int heads) {
            return static_cast<long long>(rows.stride) * heads * p.head_dim;
        };
        const long long first_query = row_at(p, block_.batch, call_.queries.size(), q_rows.first, p.heads, block_.head),
                        first_key =
                            row_at(p, block_.batch, call_.chunk.size(), k_rows.first, p.kv_heads, block_.kv_head);
        RowCopy<tile_rows, block_threads, D>(first_query, elements_apart(q_rows, p.heads), block_.first_row,
                                             q_rows.count, p.head_dim)
            .copy(static_cast<const T*>(p.q), tile_at(0));
        RowCopy<tile_keys, block_threads, D> copy(first_key, elements_apart(k_rows, p.kv_heads), 0, k_rows.count,
                                                  p.head_dim);
        const auto copy_tile = [&](int stage) {
            copy.copy(static_cast<const T*>(p.k), tile_at(first_k + stage * tile_elements));
            if constexpr (with_values) copy.copy(static_cast<const T*>(p.v), tile_at(first_v + stage * tile_elements));
            copy.next_tile();
            ptx::copy_async_commit();
        };
        copy_tile(0);

        const int row = block_.first_row + 16 * warp_index() + lane_place().row;
        const Masking masking(call_, block_, {row, row + 8});
        Operand<D> q;
        Cursor q_at = query_cursor(tile_at(0), 16 * warp_index()), k_at = key_cursor(tile_at(first_k)),
               v_at = value_cursor(tile_at(with_values ? first_v : 0));
        const int tiles = (visited_ + tile_keys - 1) / tile_keys;
        for (int tile = 0; tile < tiles; ++tile) {
            ptx::copy_async_wait<0>();
            __syncthreads(); // the tile is there, and nobody reads the other stage any more
            if (tile + 1 < tiles) copy_tile((tile + 1) % stages);
            if (tile == 0) take_queries(q, q_at);

            float s[1][tile_keys / 8][4];
            multiply_scores(
                s,
                [&](int step, std::uint32_t(&a)[1][4]) {
                    DRA_UNROLLED for (int i = 0; i < 4; ++i) a[0][i] = q[step][i];
                },
                k_at);
            const int key = tile * tile_keys;
            if (!Masking::full(call_, block_.view, block_.first_row, key + tile_keys)) masking.hide(s[0], key);
            f(s[0], v_at);
            const int to_other = tile % stages == 0 ? tile_elements : -tile_elements;
            k_at.move(to_other);
            v_at.move(to_other);
        }
    }

private:
    static constexpr int tile_elements = tile_keys * D, first_k = tile_rows * D,
                         first_v = first_k + stages * tile_elements;

    __device__ __forceinline__ SwizzledTile<T, D> tile_at(int origin) const { return {memory_, origin}; }

    __device__ __forceinline__ void take_queries(Operand<D>& q, const Cursor& at) {
        if (call_.pattern.softmax_scale < 0) {
            negate<tile_rows * D, block_threads>(memory_);
            __syncthreads();
        }
        DRA_UNROLLED for (int step = 0; step < D / 16; ++step) ptx::load_matrix_x4(q[step], at.at(0, step));
    }

    const AttendCall& call_;
    const BlockOfCall& block_;
    T* memory_;
    int visited_;
};

} // namespace dra::cuda::DRA_TARGET::rungs
