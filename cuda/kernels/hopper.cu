/// \file
/// Kernel 6, hopper: TMA brings tiles, mbarriers say when they are there and when they are free, wgmma multiplies them.
///
/// Teaches: roles. One producer warp does nothing but ask TMA for boxes; one consumer warpgroup (four warps) does
/// nothing but compute. They share the stages, in a circle, each with two barriers: `full` (the bytes have arrived) and
/// `empty` (the consumer is done). wgmma reads Q, K and V from shared memory, so no fragments pass through registers
/// except the weights.
///
/// Dilation for TMA is a 5-D tensor {D, H r, w / r, N / w, B}: channel; phase H + head; selected row; segment; batch. A
/// box is 64 channels of successive selected rows, and what lies past a segment's last row is zero, because it is
/// outside in the third dimension; a 4-D map would read the next segment there. So r must divide w, and w must divide
/// N.
///
/// A block has 64 query rows; what overlaps one block's softmax is the other blocks' products. Measured on an H100, 8k
/// tokens: 555 TFLOP/s (D = 128), 445 (D = 64), causal 500 and 437: a quarter to a third more than wide. Takes bf16 and
/// fp16, D a multiple of 8 up to 128; compute capability 9.0 (sm_90a). Figures of all kernels: docs/gpu-results.md.

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch_kernel.hpp"
#include "cuda/kernels/negate.hpp"
#include "cuda/kernels/softmax.hpp"
#include "cuda/simt/matrix_descriptor.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

/// D is 64 or 128; channels past the view's own are zero. A tile of R rows is D / 64 halves of (R, 64), 128-byte
/// swizzled.
template <int D> struct Hopper {
    static constexpr int rows = 64, keys = 64, stages = 2;
    static constexpr int consumers = 128, threads = consumers + 32; // the producer is the last warp
    static constexpr int halves = D / 64, half_elements = 64 * 64;
    static constexpr int tile_elements = halves * half_elements; // Q, K and V alike
    static constexpr unsigned tile_bytes = 2 * tile_elements;
    static constexpr std::size_t barrier_bytes = 8 * (1 + 2 * stages);
    static constexpr std::size_t shared_bytes = tile_bytes * (1 + 2 * stages) + barrier_bytes;
};

/// Where a block's tiles and barriers lie in shared memory.
template <class T, int D> struct HopperMemory {
    using Shape = Hopper<D>;
    unsigned char* base; ///< on a 1024-byte boundary, as is every half tile: the swizzle goes by address

    __device__ T* tile(int i) const { return reinterpret_cast<T*>(base) + i * Shape::tile_elements; }
    __device__ T* Q() const { return tile(0); }                                  // (64, D)
    __device__ T* K(int stage) const { return tile(1 + stage); }                 // (64, D)
    __device__ T* V(int stage) const { return tile(1 + Shape::stages + stage); } // (64, D)
    __device__ std::uint64_t* barrier(int i) const {
        return reinterpret_cast<std::uint64_t*>(base + Shape::tile_bytes * (1 + 2 * Shape::stages)) + i;
    }
    __device__ std::uint64_t* q_full() const { return barrier(0); }
    __device__ std::uint64_t* full(int stage) const { return barrier(1 + stage); }
    __device__ std::uint64_t* empty(int stage) const { return barrier(1 + Shape::stages + stage); }
};

/// Asks TMA for rows [first_row, first_row + 64) of one view, half by half.
template <int D, class T> __device__ void load_tile(T* tile, const TensorMap* map, std::uint64_t* full, int first_row,
                                                    int phase_and_head, const WorkTile& work) {
    DRA_UNROLLED for (int half = 0; half < Hopper<D>::halves; ++half)
        ptx::tensor_load(tile + half * Hopper<D>::half_elements, map, full,
                         {64 * half, phase_and_head, first_row, work.segment, work.batch});
}

/// The producer: one thread. A stage is asked for as soon as the consumer has freed it.
template <class T, int D> __device__ void produce(const HopperMemory<T, D>& memory, const Parameters& parameters,
                                                  const WorkTile& work, int first_row, int tiles,
                                                  const TensorMap* q_map, const TensorMap* k_map,
                                                  const TensorMap* v_map) {
    using Shape = Hopper<D>;
    const int phase = phase_of(parameters, work.kv_head);
    const int q_head = phase * parameters.heads + work.head, kv_head = phase * parameters.kv_heads + work.kv_head;

    ptx::barrier_arrive_expect(memory.q_full(), Shape::tile_bytes);
    load_tile<D>(memory.Q(), q_map, memory.q_full(), first_row, q_head, work);
    for (int tile = 0; tile < tiles; ++tile) {
        const int stage = tile % Shape::stages;
        const unsigned lap = static_cast<unsigned>(tile / Shape::stages);
        ptx::barrier_wait(memory.empty(stage), (lap & 1) ^ 1); // on the first lap a fresh barrier lets it pass
        ptx::barrier_arrive_expect(memory.full(stage), 2 * Shape::tile_bytes);
        load_tile<D>(memory.K(stage), k_map, memory.full(stage), tile * Shape::keys, kv_head, work);
        load_tile<D>(memory.V(stage), v_map, memory.full(stage), tile * Shape::keys, kv_head, work);
    }
}

/// s (64, 64) = Q K^T: both K-major, 16 channels (32 bytes of a row) per instruction.
template <class T, int D> __device__ void multiply_scores(float (&s)[32], const T* Q, const T* K) {
    constexpr unsigned eight_rows = 8 * 128, unused = 16;
    ptx::wgmma_fence();
    DRA_UNROLLED for (int step = 0; step < D / 16; ++step) {
        const int at = step / 4 * Hopper<D>::half_elements + step % 4 * 16;
        ptx::wgmma_shared<64, T>(s, ptx::matrix_descriptor(Q + at, unused, eight_rows),
                                 ptx::matrix_descriptor(K + at, unused, eight_rows), step > 0);
    }
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
}

/// o (64, D) += P V: P from registers; V is MN-major (its rows are the products' inner index), 16 keys per instruction.
template <class T, int D, int N>
__device__ void multiply_values(float (&o)[D / 2], const std::uint32_t (&p)[N][4], const T* V) {
    constexpr unsigned eight_rows = 8 * 128, next_half = 2 * Hopper<D>::half_elements;
    ptx::wgmma_fence();
    DRA_UNROLLED for (int step = 0; step < N; ++step)
        ptx::wgmma_registers<D, T, 1>(o, p[step], ptx::matrix_descriptor(V + step * 16 * 64, next_half, eight_rows), 1);
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
}

/// The consumer: one warpgroup, 64 query rows.
template <class T, int D> __device__ void consume(const HopperMemory<T, D>& memory, const View<T>& view,
                                                  const Output& output, float softmax_scale, int first_row, int tiles) {
    using Shape = Hopper<D>;
    const Lane lane = lane_place();
    const int warp_row = first_row + 16 * warp_index();
    const int extent[2] = {view.extent(warp_row + lane.row), view.extent(warp_row + lane.row + 8)};
    const float c = scale_for_exp2(softmax_scale);
    Accumulator<D> o;
    set_to_zero(o);
    OnlineSoftmax softmax;

    ptx::barrier_wait(memory.q_full(), 0);
    if (softmax_scale < 0) {
        negate<Shape::tile_elements, Shape::consumers>(memory.Q());
        ptx::fence_proxy_async(); // wgmma reads shared memory through the other proxy
        ptx::named_barrier_sync(1, Shape::consumers);
    }
    for (int tile = 0; tile < tiles; ++tile) {
        const int stage = tile % Shape::stages, first_key = tile * Shape::keys;
        ptx::barrier_wait(memory.full(stage), static_cast<unsigned>(tile / Shape::stages) & 1);
        count_visible<16, Shape::keys>(view, warp_row, first_key);

        Accumulator<Shape::keys> s;
        multiply_scores<T, D>(reinterpret_cast<float(&)[32]>(s), memory.Q(), memory.K(stage));
        if (first_key + Shape::keys > view.extent(warp_row)) hide_keys(s, first_key, extent);
        softmax.update(s, c, o);
        Operand<Shape::keys> p;
        round_to_operand<T>(s, p);
        multiply_values<T, D>(reinterpret_cast<float(&)[D / 2]>(o), p, memory.V(stage));
        ptx::barrier_arrive(memory.empty(stage)); // after the wait: the tensor core has read V
    }

    float lse[2];
    softmax.finish(softmax_scale, o, lse);
    store_fragments(view, output, warp_row, o);
    store_lse(view, warp_row, lse);
}

template <class T, int D> __global__ void __launch_bounds__(160)
    attend_hopper(Parameters parameters, TileSchedule schedule, Output output, const __grid_constant__ TensorMap q_map,
                  const __grid_constant__ TensorMap k_map, const __grid_constant__ TensorMap v_map) {
    using Shape = Hopper<D>;
    const WorkTile work = work_tile(schedule, parameters, static_cast<int>(blockIdx.x));
    const View<T> view = View<T>::of(parameters, work);
    const int first_row = work.tile * Shape::rows;
    if (first_row >= view.rows) return;
    const int tiles = (view.extent_of_tile(first_row, Shape::rows) + Shape::keys - 1) / Shape::keys;

    DRA_SHARED_MEMORY(raw);
    const HopperMemory<T, D> memory{raw};
    if (threadIdx.x == 0) {
        ptx::barrier_init(memory.q_full(), 1);
        for (int stage = 0; stage < Shape::stages; ++stage) {
            ptx::barrier_init(memory.full(stage), 1);
            ptx::barrier_init(memory.empty(stage), Shape::consumers);
        }
        ptx::barrier_fence_init();
    }
    __syncthreads();

    if (threadIdx.x < Shape::consumers)
        consume(memory, view, output, parameters.softmax_scale, first_row, tiles);
    else if (threadIdx.x == Shape::consumers)
        produce(memory, parameters, work, first_row, tiles, &q_map, &k_map, &v_map);
}

} // namespace

cudaError_t run_hopper(const Launch& launched) {
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128>(launched.parameters.head_dim, [&](auto D) {
            return launch_kernel<Hopper<D>>(attend_hopper<T, D>, launched, launched.maps->q, launched.maps->k,
                                            launched.maps->v);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET
