/// \file
/// Step 5, wide: 128 query rows a block and 32 rows a warp.

#include "cuda/kernels/copy_rows.hpp"
#include "cuda/kernels/launch_step.hpp"
#include "cuda/kernels/negate.hpp"
#include "cuda/kernels/products.hpp"
#include "cuda/kernels/softmax.hpp"
#include "cuda/kernels/steps.hpp"

#ifndef WKEYS
#define WKEYS 64
#define WBLOCKS 2
#endif
namespace dra::cuda::DRA_TARGET {
namespace {

/// D is 64 or 128; channels past the view's own are zero.
template <int D> struct Wide {
    static constexpr int M = 2; ///< tiles of 16 rows a warp
    static constexpr int warps = 4, threads = 32 * warps, rows = 16 * M * warps, keys = WKEYS, stages = 2;
    static constexpr int q_elements = rows * D, tile_elements = keys * D;
    static constexpr std::size_t shared_bytes = 2 * (q_elements + 2 * stages * tile_elements);
};

/// What a warp holds.
template <class T, int D> struct WideWarp {
    using Shape = Wide<D>;
    static constexpr int M = Shape::M;
    int first_row; // of the view
    float c;
    FragmentCursor<T, D> q_at, k_at, v_at;
    Accumulator<D> o[M]; // (32, D)
    OnlineSoftmax softmax[M];

    template <bool edge> __device__ __forceinline__ void attend_tile(const View<T>& view, int first_key) {
        Accumulator<Shape::keys> s[M]; // (32, KEYS)
        multiply_scores(
            s,
            [&](int step, std::uint32_t(&a)[M][4]) {
                DRA_UNROLLED for (int m = 0; m < M; ++m) ptx::load_matrix_x4(a[m], q_at.at(16 * m, step));
            },
            k_at);
        if constexpr (edge) DRA_UNROLLED for (int m = 0; m < M; ++m) {
                const int row = first_row + 16 * m + lane_place().row;
                hide_keys(s[m], first_key, {view.extent(row), view.extent(row + 8)});
            }
        Operand<Shape::keys> p[M];
        DRA_UNROLLED for (int m = 0; m < M; ++m) {
            softmax[m].update(s[m], c, o[m]);
            round_to_operand<T>(s[m], p[m]);
        }
        multiply_values(o, p, v_at);
    }
    __device__ __forceinline__ void to_other_stage(int tile) {
        const int apart = tile % 2 == 0 ? Shape::tile_elements : -Shape::tile_elements;
        k_at.move(apart);
        v_at.move(apart);
    }
};

/// 16-byte stores: a warp's rows go through shared memory, its own part of Q's tile, which it alone reads and writes.
template <int ROWS, class T, int D> __device__ __forceinline__ void
store_rows(const View<T>& view, T* out, SwizzledTile<T, D> tile, int warp_row, int first_row) {
    constexpr int chunks = D / chunk_elements, rows_a_pass = 32 / chunks;
    const int lane = lane_index(), chunk = lane % chunks;
    DRA_UNROLLED for (int pass = 0; pass < ROWS / rows_a_pass; ++pass) {
        const int row = warp_row + pass * rows_a_pass + lane / chunks;
        if (first_row + row >= view.rows || chunk * chunk_elements >= view.head_dim) continue;
        store(reinterpret_cast<uint4*>(out + view.out_at + (first_row + row) * view.q.stride + chunk * chunk_elements),
              shared_load(reinterpret_cast<const uint4*>(tile.at(row, chunk))));
    }
}

template <class T, int D> __global__ void __launch_bounds__(128, WBLOCKS)
    attend_wide(Parameters parameters, Schedule schedule, Output output) {
    using Shape = Wide<D>;
    using Tile = SwizzledTile<T, D>;
    constexpr int M = Shape::M;
    const Work work = work_of(schedule, parameters, static_cast<int>(blockIdx.x));
    const View<T> view = view_of<T>(parameters, work);
    const int first_row = work.tile * Shape::rows;
    if (first_row >= view.rows) return;

    DRA_SHARED_MEMORY(memory);
    const auto tile_at = [&](int origin) { return Tile{reinterpret_cast<T*>(memory), origin}; };
    const Tile Q = tile_at(0); // (128, D)
    const auto K = [&](int tile) { return tile_at(Shape::q_elements + tile % 2 * Shape::tile_elements); };
    const auto V = [&](int tile) { return tile_at(Shape::q_elements + (2 + tile % 2) * Shape::tile_elements); };

    RowCopy<Shape::rows, Shape::threads, D>(view.q.stride, first_row, view.rows, view.head_dim).copy(view.q.first, Q);
    RowCopy<Shape::keys, Shape::threads, D> copy(view.k.stride, 0, view.rows, view.head_dim);
    const auto copy_tile = [&](int tile) {
        copy.copy(view.k.first, K(tile));
        copy.copy(view.v.first, V(tile));
        copy.next_tile();
        ptx::copy_async_commit();
    };
    const auto tile_has_arrived = [&] {
        ptx::copy_async_wait<0>(); // this thread's part
        __syncthreads();           // everybody's; and nobody reads the other stage any more
    };
    copy_tile(0);
    tile_has_arrived();
    if (parameters.softmax_scale < 0) {
        negate<Shape::q_elements, Shape::threads>(Q.memory);
        __syncthreads();
    }

    const int warp_row = 16 * M * warp_index(); // within the tile
    WideWarp<T, D> warp{first_row + warp_row,
                        scale_for_exp2(parameters.softmax_scale),
                        query_cursor(Q, warp_row),
                        key_cursor(K(0)),
                        value_cursor(V(0)),
                        {},
                        {}};
    DRA_UNROLLED for (int m = 0; m < M; ++m) set_to_zero(warp.o[m]);

    const int tiles = (view.extent_of_tile(first_row, Shape::rows) + Shape::keys - 1) / Shape::keys;
    const int full_tiles = view.extent(first_row) / Shape::keys;
    int tile = 0;
    for (; tile < full_tiles; ++tile) {
        if (tile + 1 < tiles) copy_tile(tile + 1);
        warp.template attend_tile<false>(view, tile * Shape::keys);
        warp.to_other_stage(tile);
        tile_has_arrived();
    }
    for (; tile < tiles; ++tile) {
        if (tile + 1 < tiles) copy_tile(tile + 1);
        if (tile * Shape::keys < view.extent_of_tile(warp.first_row, 16 * M))
            warp.template attend_tile<true>(view, tile * Shape::keys);
        warp.to_other_stage(tile);
        tile_has_arrived();
    }

    int block = static_cast<int>(blockIdx.x);
    DRA_FORGET(block);
    const View<T> last = view_of<T>(parameters, work_of(schedule, parameters, block));
    DRA_UNROLLED for (int m = 0; m < M; ++m) {
        float lse[2];
        warp.softmax[m].finish(parameters.softmax_scale, warp.o[m], lse);
        store_lse(last, warp.first_row + 16 * m, lse);
        if (output.as_float) {
            store_fragments(last, output, warp.first_row + 16 * m, warp.o[m]);
            continue;
        }
        const Lane lane = lane_place();
        const int row = 16 * M * warp_index() + 16 * m + lane.row;
        DRA_UNROLLED for (int n = 0; n < D / 8; ++n) DRA_UNROLLED for (int i = 0; i < 2; ++i)
            shared_store(reinterpret_cast<std::uint32_t*>(Q.at(row + 8 * i, n) + lane.column),
                         ptx::pack<T>(warp.o[m][n][2 * i], warp.o[m][n][2 * i + 1]));
    }
    if (output.as_float) return;
    __syncwarp();
    store_rows<16 * M>(last, static_cast<T*>(output.out), Q, warp_row, first_row);
}

} // namespace

cudaError_t run_wide(const Launch& launched) {
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128>(launched.parameters.head_dim,
                                      [&](auto D) { return launch_step<Wide<D>>(attend_wide<T, D>, launched); });
    });
}

} // namespace dra::cuda::DRA_TARGET
