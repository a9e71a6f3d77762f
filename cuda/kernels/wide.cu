/// \file
/// Kernel 5, wide: 128 query rows per block, 32 rows per warp, 16-byte stores.
///
/// Teaches: what limits a tensor core kernel besides the tensor core.
/// - Shared memory. A fragment of K or V that ldmatrix fetches feeds four products instead of two, because a warp has
///   two tiles of 16 rows.
/// - L2. A block needs all keys for 128 rows instead of 64.
/// - Registers. With D = 128 the outputs of 32 rows are 128 registers per thread, the scores of 64 keys 64, and 255 is
///   all there is, at 8 warps per multiprocessor. So Q stays in shared memory and its fragments are fetched for every
///   tile; what only edge tiles and the end need waits in shared memory too (parked.hpp); and addresses are moved from
///   tile to tile (FragmentCursor), not derived anew. One register more, and the loop spills.
/// - Issue slots. The correction of O is skipped while the maximum hardly moves (softmax.hpp).
/// - Stores. Fragments would be written in pieces of 4 bytes; through shared memory they become whole rows.
/// A tile's copy is started a turn ahead, and one barrier per turn orders everything: when it falls, the next tile has
/// arrived and nobody reads the stage of this one any more.
///
/// FlashAttention-2 has this form, with 340 TFLOP/s (D = 128, 8k; causal 298) and 304 (D = 64; causal 290) on an H200.
/// Measured on an H100: 402 (causal 401) and 348 (causal 341), a third more than pipelined with D = 128;
/// FlashAttention-2 in the same run 359 (323) and 311 (296). Takes bf16 and fp16, D a multiple of 8 up to 128.

#include "cuda/kernels/copy_rows.hpp"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch_kernel.hpp"
#include "cuda/kernels/negate.hpp"
#include "cuda/kernels/parked.hpp"
#include "cuda/kernels/products.hpp"
#include "cuda/kernels/shard_view.hpp"
#include "cuda/kernels/softmax.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

/// What a block works on; it waits in shared memory.
template <class V> struct WideWork {
    V view;
    long long first_row;
};

/// The sizes of a block. D is 64 or 128; channels past the view's own are zero.
template <int D> struct Wide {
    static constexpr int tiles_per_warp = 2, warps = 4;
    static constexpr int rows = 16 * tiles_per_warp * warps, keys = 64, threads = 32 * warps;
    static constexpr int q_elements = rows * D, tile_elements = keys * D;
    static constexpr std::size_t tile_bytes = 2 * (q_elements + 4 * tile_elements); // Q; K and V twice each
    static constexpr std::size_t shared_bytes =
        tile_bytes + Parked<WideWork<ShardView<float>>>::bytes; // the larger one
};

/// What a warp holds of its 32 query rows.
template <class T, int D> struct WideWarp {
    using Shape = Wide<D>;
    static constexpr int M = Shape::tiles_per_warp;

    float c;          ///< c of softmax.hpp
    int keys_all_see; ///< the number of keys that all its rows see: tiles up to there need no mask
    FragmentCursor<T, D> q, k, v;
    Accumulator<D> o[M] = {}; // (32, D)
    OnlineSoftmax softmax[M] = {};

    static __device__ __forceinline__ int row_of_block() { return 16 * M * warp_index(); }

    template <class V> __device__ __forceinline__ void attend_tile(int first_key, const Parked<WideWork<V>>& parked) {
        Accumulator<Shape::keys> s[M]; // (32, 64)
        const auto fragments_of_q = [&](int step, std::uint32_t(&a)[M][4]) {
            DRA_UNROLLED for (int m = 0; m < M; ++m) ptx::load_matrix_x4(a[m], q.at(16 * m, step));
        };
        multiply_scores(s, fragments_of_q, k);
        if (first_key + Shape::keys > keys_all_see) {
            const WideWork<V> work = parked.read();
            DRA_UNROLLED for (int m = 0; m < M; ++m) {
                const int row = static_cast<int>(work.first_row) + row_of_block() + 16 * m + lane_place().row;
                hide_keys(s[m], first_key, {work.view.extent(row), work.view.extent(row + 8)});
            }
        }
        Operand<Shape::keys> p[M];
        DRA_UNROLLED for (int m = 0; m < M; ++m) {
            softmax[m].update(s[m], c, o[m]);
            round_to_operand<T>(s[m], p[m]);
        }
        multiply_values(o, p, v);
    }

    /// Moves from the stage of this tile to that of the next.
    __device__ __forceinline__ void next_stage(int tile) {
        const int elements = tile % 2 == 0 ? Shape::tile_elements : -Shape::tile_elements;
        k.move(elements);
        v.move(elements);
    }
};

/// Stores a warp's rows from shared memory to out, 16 bytes per lane: whole sectors.
template <int ROWS, class T, int D> __device__ __forceinline__ void
store_rows(const View<T>& view, T* out, SwizzledTile<T, D> tile, int row_of_tile, int first_row) {
    constexpr int chunks = D / chunk_elements, rows_per_pass = 32 / chunks;
    const int lane = lane_index(), chunk = lane % chunks;
    DRA_UNROLLED for (int pass = 0; pass < ROWS / rows_per_pass; ++pass) {
        const int row = row_of_tile + pass * rows_per_pass + lane / chunks;
        if (first_row + row >= view.rows || chunk * chunk_elements >= view.head_dim) continue;
        store(reinterpret_cast<uint4*>(out + view.q_at + (first_row + row) * view.q.stride + chunk * chunk_elements),
              shared_load(reinterpret_cast<const uint4*>(tile.at(row, chunk))));
    }
}

/// Divides, and writes out and lse. The warp's own rows of Q's tile serve as the way to out: nobody else reads them.
template <class T, int D, class V> __device__ __forceinline__ void
finish(WideWarp<T, D>& warp, const WideWork<V>& work, const Output& output, float scale, SwizzledTile<T, D> Q) {
    constexpr int M = WideWarp<T, D>::M;
    const int first_row = static_cast<int>(work.first_row), row_of_block = warp.row_of_block();
    DRA_UNROLLED for (int m = 0; m < M; ++m) {
        const int row_of_tile = row_of_block + 16 * m;
        float lse[2];
        warp.softmax[m].finish(scale, warp.o[m], lse);
        store_lse(work.view, first_row + row_of_tile, lse);
        if (output.as_float) {
            store_fragments(work.view, output, first_row + row_of_tile, warp.o[m]);
            continue;
        }
        const Lane lane = lane_place();
        DRA_UNROLLED for (int n = 0; n < D / 8; ++n) DRA_UNROLLED for (int i = 0; i < 2; ++i)
            shared_store(reinterpret_cast<std::uint32_t*>(Q.at(row_of_tile + lane.row + 8 * i, n) + lane.column),
                         ptx::pack<T>(warp.o[m][n][2 * i], warp.o[m][n][2 * i + 1]));
    }
    if (output.as_float) return;
    __syncwarp();
    store_rows<16 * M>(work.view, static_cast<T*>(output.out), Q, row_of_block, first_row);
}

template <class T, int D, template <class> class ViewOf> __global__ void __launch_bounds__(128, 2)
    attend_wide(Parameters parameters, TileSchedule schedule, Output output) {
    using Shape = Wide<D>;
    const WorkTile work = work_tile(schedule, parameters, static_cast<int>(blockIdx.x));
    const ViewOf<T> view = ViewOf<T>::of(parameters, work);
    const int first_row = view.first_row + work.tile * Shape::rows;
    if (first_row >= view.rows) return;

    DRA_SHARED_MEMORY(memory);
    const auto tile_at = [&](int element) { return SwizzledTile<T, D>{reinterpret_cast<T*>(memory), element}; };
    const auto Q = tile_at(0); // (128, D)
    const auto K = [&](int tile) { return tile_at(Shape::q_elements + tile % 2 * Shape::tile_elements); };
    const auto V = [&](int tile) { return tile_at(Shape::q_elements + (2 + tile % 2) * Shape::tile_elements); };
    const Parked<WideWork<ViewOf<T>>> parked(memory + Shape::tile_bytes);
    if (threadIdx.x == 0) parked.park({view, first_row});

    RowCopy<Shape::keys, Shape::threads, D> copy(view.kv_at, view.k.stride, 0, view.keys(), view.head_dim);
    const auto copy_tile = [&](int tile) {
        copy.copy(static_cast<const T*>(parameters.k), K(tile));
        copy.copy(static_cast<const T*>(parameters.v), V(tile));
        copy.next_tile();
        ptx::copy_async_commit();
    };
    const auto await_tile = [] {
        ptx::copy_async_wait<0>(); // this thread's part of it
        __syncthreads();           // everybody's; and everybody is done with the tile before
    };
    RowCopy<Shape::rows, Shape::threads, D>(view.q_at, view.q.stride, first_row, view.rows, view.head_dim)
        .copy(static_cast<const T*>(parameters.q), Q);
    copy_tile(0);
    await_tile();
    if (parameters.softmax_scale < 0) {
        negate<Shape::q_elements, Shape::threads>(Q.memory);
        __syncthreads();
    }

    const int row_of_block = WideWarp<T, D>::row_of_block();
    WideWarp<T, D> warp{.c = scale_for_exp2(parameters.softmax_scale),
                        .keys_all_see = view.extent(first_row + row_of_block),
                        .q = query_cursor(Q, row_of_block),
                        .k = key_cursor(K(0)),
                        .v = value_cursor(V(0))};
    const int tiles = (view.extent_of_tile(first_row, Shape::rows) + Shape::keys - 1) / Shape::keys;
    for (int tile = 0; tile < tiles; ++tile) {
        if (tile + 1 < tiles) copy_tile(tile + 1);
        count_visible<32, Shape::keys>(view, first_row + row_of_block, tile * Shape::keys);
        warp.attend_tile(tile * Shape::keys, parked);
        warp.next_stage(tile);
        await_tile();
    }
    finish(warp, parked.read(), output, parameters.softmax_scale, Q);
}

} // namespace

cudaError_t run_wide(const Launch& launched) {
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128>(launched.parameters.head_dim, [&](auto D) {
            return launch_kernel<Wide<D>>(
                launched.parameters.two_views() ? attend_wide<T, D, ShardView> : attend_wide<T, D, View>, launched);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET
