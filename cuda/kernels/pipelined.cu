/// \file
/// Kernel 4, pipelined: tiles arrive by cp.async while the tile before is computed, swizzled so that ldmatrix has no
/// conflicts.
///
/// Teaches: the double buffer (a stage is filled while the other is used; who may overwrite what when), ldmatrix (one
/// instruction fetches four 8 x 8 matrices as fragments), and the swizzle that it needs (swizzle.hpp). Ragged tails are
/// copies of zero bytes.
///
/// A block has 64 query rows, a warp 16, so each block must bring in all keys for only 64 rows; and every fragment of K
/// and V is used for two products. Both are what `wide` changes.
///
/// Measured on an H100, 8k tokens: 303 TFLOP/s (D = 128), 305 (D = 64), causal 304 and 302: more than five times
/// tensor_core. Takes bf16 and fp16, D a multiple of 8 up to 128.

#include "cuda/kernels/copy_rows.hpp"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch_kernel.hpp"
#include "cuda/kernels/negate.hpp"
#include "cuda/kernels/products.hpp"
#include "cuda/kernels/softmax.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

/// The sizes of a block. D is 64 or 128; channels past the view's own are zero.
template <int D> struct Pipelined {
    static constexpr int rows = 64, keys = 64, threads = 128, stages = 2;
    static constexpr int q_elements = rows * D, tile_elements = keys * D;
    static constexpr std::size_t shared_bytes = 2 * (q_elements + 2 * stages * tile_elements);
};

template <class T, int D> __global__ void __launch_bounds__(128)
    attend_pipelined(Parameters parameters, TileSchedule schedule, Output output) {
    using Shape = Pipelined<D>;
    const WorkTile work = work_tile(schedule, parameters, static_cast<int>(blockIdx.x));
    const View<T> view = View<T>::of(parameters, work);
    const int first_row = work.tile * Shape::rows;
    if (first_row >= view.rows) return;

    DRA_SHARED_MEMORY(memory);
    const auto tile_at = [&](int element) { return SwizzledTile<T, D>{reinterpret_cast<T*>(memory), element}; };
    const auto Q = tile_at(0); // (64, D)
    const auto K = [&](int tile) { return tile_at(Shape::q_elements + tile % Shape::stages * Shape::tile_elements); };
    const auto V = [&](int tile) { return tile_at(K(tile).origin + Shape::stages * Shape::tile_elements); };
    RowCopy<Shape::keys, Shape::threads, D> copy(view.kv_at, view.k.stride, 0, view.rows, view.head_dim);
    const auto copy_next_tile = [&](int tile) {
        copy.copy(static_cast<const T*>(parameters.k), K(tile));
        copy.copy(static_cast<const T*>(parameters.v), V(tile));
        copy.next_tile();
    };

    const Lane lane = lane_place();
    const int warp_row = 16 * warp_index(); // within the tile
    const int extent[2] = {view.extent(first_row + warp_row + lane.row),
                           view.extent(first_row + warp_row + lane.row + 8)};
    const float c = scale_for_exp2(parameters.softmax_scale);
    Operand<D> q;        // (16, D)
    Accumulator<D> o[1]; // (16, D)
    set_to_zero(o[0]);
    OnlineSoftmax softmax;

    const int tiles = (view.extent_of_tile(first_row, Shape::rows) + Shape::keys - 1) / Shape::keys;
    RowCopy<Shape::rows, Shape::threads, D>(view.q_at, view.q.stride, first_row, view.rows, view.head_dim)
        .copy(static_cast<const T*>(parameters.q), Q);
    copy_next_tile(0);
    ptx::copy_async_commit();
    for (int tile = 0; tile < tiles; ++tile) {
        if (tile + 1 < tiles) copy_next_tile(tile + 1);
        ptx::copy_async_commit();  // one group per turn, empty or not, so that "all but the last" is always this tile
        ptx::copy_async_wait<1>(); // this thread's part of this tile has arrived
        __syncthreads();           // and everybody else's
        if (tile == 0) {
            if (parameters.softmax_scale < 0) {
                negate<Shape::q_elements, Shape::threads>(Q.memory);
                __syncthreads();
            }
            const auto q_at = query_cursor(Q, warp_row);
            DRA_UNROLLED for (int step = 0; step < D / 16; ++step) ptx::load_matrix_x4(q[step], q_at.at(0, step));
        }

        const int first_key = tile * Shape::keys;
        count_visible<16, Shape::keys>(view, first_row + warp_row, first_key);
        Accumulator<Shape::keys> s[1]; // (16, 64)
        const auto fragment_of_q = [&](int step, std::uint32_t(&a)[1][4]) {
            DRA_UNROLLED for (int i = 0; i < 4; ++i) a[0][i] = q[step][i];
        };
        multiply_scores(s, fragment_of_q, key_cursor(K(tile)));
        if (first_key + Shape::keys > view.extent(first_row + warp_row)) hide_keys(s[0], first_key, extent);
        softmax.update(s[0], c, o[0]);
        Operand<Shape::keys> p[1];
        round_to_operand<T>(s[0], p[0]);
        multiply_values(o, p, value_cursor(V(tile)));
        __syncthreads(); // everybody is done with this stage, which the next turn fills
    }

    float lse[2];
    softmax.finish(parameters.softmax_scale, o[0], lse);
    store_fragments(view, output, first_row + warp_row, o[0]);
    store_lse(view, first_row + warp_row, lse);
}

} // namespace

cudaError_t run_pipelined(const Launch& launched) {
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128>(launched.parameters.head_dim, [&](auto D) {
            return launch_kernel<Pipelined<D>>(attend_pipelined<T, D>, launched);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET
