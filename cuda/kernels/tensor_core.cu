/// \file
/// Kernel 3, tensor_core: the two products by mma.sync; the weights never leave registers.
///
/// Teaches: fragments, that is which lane holds which element (fragment.hpp); and that the accumulator of Q K^T,
/// rounded to 16 bits, already is the A operand of P V. Shared memory is filled by plain loads and read element by
/// element, so that every index of the layout is on the page. That is also what makes it slow: 8 rows of one column lie
/// in the same banks, a lane's half of a register is one load, and nothing is computed while a tile is on its way.
///
/// A block has 64 query rows, a warp 16. Measured on an H100, 8k tokens: 54 TFLOP/s (D = 128), 56 (D = 64), causal the
/// same: three times tiled. Takes bf16 and fp16, D a multiple of 8 up to 128.

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch_kernel.hpp"
#include "cuda/kernels/softmax.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

/// The sizes of a block. D is 64 or 128; channels past the view's own are zero.
template <int D> struct TensorCore {
    static constexpr int rows = 64, keys = 64, threads = 128;
    static constexpr std::size_t shared_bytes = 2 * keys * D * 2; // K and V
};

/// Copies rows [first_row, first_row + 64) of `from` as (64, D) to shared memory, 16 bytes per thread and turn.
template <class T, int D>
__device__ void load_tile(T* tile, const Rows<const T>& from, int first_row, const View<T>& view) {
    for (int i = static_cast<int>(threadIdx.x); i < TensorCore<D>::keys * D / 8; i += TensorCore<D>::threads) {
        const int row = i / (D / 8), d = i % (D / 8) * 8;
        const bool in = first_row + row < view.rows && d < view.head_dim;
        const uint4 zero = make_uint4(0, 0, 0, 0);
        shared_store(reinterpret_cast<uint4*>(tile + row * D + d),
                     in ? load(reinterpret_cast<const uint4*>(from[first_row + row] + d)) : zero);
    }
}

/// Two neighbouring elements of Q from global memory, with the sign of the scale; zero past the view.
template <class T> __device__ std::uint32_t query_pair(const View<T>& view, int row, int d, bool negative) {
    if (row >= view.rows || d >= view.head_dim) return 0;
    return load(reinterpret_cast<const std::uint32_t*>(view.q[row] + d)) ^ (negative ? 0x80008000u : 0u);
}

/// Two elements of one column, from rows `row` and `row + 1` of a tile.
template <class T, int D> __device__ std::uint32_t column_pair(const T* tile, int row, int column) {
    const auto bits = [&](int i) {
        return static_cast<std::uint32_t>(
            shared_load(reinterpret_cast<const std::uint16_t*>(tile + (row + i) * D + column)));
    };
    return bits(0) | bits(1) << 16;
}

template <class T, int D> __global__ void __launch_bounds__(128)
    attend_tensor_core(Parameters parameters, TileSchedule schedule, Output output) {
    using Shape = TensorCore<D>;
    const WorkTile work = work_tile(schedule, parameters, static_cast<int>(blockIdx.x));
    const View<T> view = View<T>::of(parameters, work);
    const int first_row = work.tile * Shape::rows;
    if (first_row >= view.rows) return;

    DRA_SHARED_MEMORY(memory);
    T* const K = reinterpret_cast<T*>(memory); // (64, D)
    T* const V = K + Shape::keys * D;          // (64, D)

    const Lane lane = lane_place();
    const int warp_row = first_row + 16 * warp_index();
    const int extent[2] = {view.extent(warp_row + lane.row), view.extent(warp_row + lane.row + 8)};
    const float c = scale_for_exp2(parameters.softmax_scale);

    Operand<D> q; // (16, D) of Q as A
    DRA_UNROLLED for (int step = 0; step < D / 16; ++step) DRA_UNROLLED for (int i = 0; i < 4; ++i) q[step][i] =
        query_pair(view, warp_row + lane.row + 8 * (i % 2), 16 * step + lane.column + 8 * (i / 2),
                   parameters.softmax_scale < 0);
    Accumulator<D> o; // (16, D)
    set_to_zero(o);
    OnlineSoftmax softmax;

    const int visible_keys = view.extent_of_tile(first_row, Shape::rows);
    for (int first_key = 0; first_key < visible_keys; first_key += Shape::keys) {
        __syncthreads(); // everybody is done with the tile before
        load_tile<T, D>(K, view.k, first_key, view);
        load_tile<T, D>(V, view.v, first_key, view);
        __syncthreads();
        count_visible<16, Shape::keys>(view, warp_row, first_key);

        Accumulator<Shape::keys> s; // (16, 64) = Q K^T; B's row is a channel, its column a key
        set_to_zero(s);
        DRA_UNROLLED for (int step = 0; step < D / 16; ++step) DRA_UNROLLED for (int n = 0; n < Shape::keys / 8; ++n) {
            const T* pair = K + (8 * n + lane.row) * D + 16 * step + lane.column; // both in one row of K: one load
            ptx::mma_m16n8k16<T>(s[n], q[step], shared_load(reinterpret_cast<const std::uint32_t*>(pair)),
                                 shared_load(reinterpret_cast<const std::uint32_t*>(pair + 8)));
        }
        if (first_key + Shape::keys > view.extent(warp_row)) hide_keys(s, first_key, extent); // only on the edge

        softmax.update(s, c, o);
        Operand<Shape::keys> p;
        round_to_operand<T>(s, p);
        DRA_UNROLLED for (int step = 0; step < Shape::keys / 16; ++step) DRA_UNROLLED for (int n = 0; n < D / 8; ++n) {
            const int key = 16 * step + lane.column,
                      column = 8 * n + lane.row; // B's row is a key, its column a channel
            ptx::mma_m16n8k16<T>(o[n], p[step], column_pair<T, D>(V, key, column),
                                 column_pair<T, D>(V, key + 8, column));
        }
    }

    float lse[2];
    softmax.finish(parameters.softmax_scale, o, lse);
    store_fragments(view, output, warp_row, o);
    store_lse(view, warp_row, lse);
}

} // namespace

cudaError_t run_tensor_core(const Launch& launched) {
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128>(launched.parameters.head_dim, [&](auto D) {
            return launch_kernel<TensorCore<D>>(attend_tensor_core<T, D>, launched);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET
