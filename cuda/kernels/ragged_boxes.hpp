#pragma once
/// \file
/// Boxes that no tensor map gives: two warps copy them with cp.async, filling with zeros what the view does not have.
///
/// TMA counts bytes on the box's mbarrier by itself. Here the copiers wait for their copies, tell the async proxy
/// (wgmma reads through it), meet, and arrive in its place. The price of such a box is that nobody can ask for it
/// before its place is free, and about a microsecond of two warps that have nothing else to do.

#include "cuda/kernels/compiler.hpp"
#include "cuda/kernels/pipeline.hpp"
#include "cuda/kernels/swizzle.hpp"
#include "cuda/kernels/tasks.hpp"

namespace dra::cuda::DRA_TARGET {

/// The number of threads that copy.
constexpr int copiers = 32 * copier_warps;

/// Gives the copiers an order; by the producer.
template <class T, class P> __device__ __forceinline__ void
send_copiers(PipelineMemory<T, P> memory, PipelineState<P::orders>& state, const CopyOrder& order) {
    ptx::barrier_wait(memory.order_empty(state.stage), state.parity ^ 1);
    shared_store(memory.order(state.stage),
                 make_int4(order.kind_and_task, order.place, static_cast<int>(order.row), order.rows));
    ptx::barrier_arrive(memory.order_full(state.stage));
    state.next();
}

/// Copies a box of ROWS rows, `stride` elements apart, half by half; by thread `thread` of the copiers. Rows from
/// `rows` on, and channels from head_dim on, become zero without being read.
template <int ROWS, int D, class T>
__device__ __forceinline__ void copy_box(T* to, const T* first, long long stride, int rows, int head_dim, int thread) {
    constexpr int chunks = 8, rows_per_pass = copiers / chunks; // chunks of the 128 bytes that a half tile's row has
    const int chunk = thread % chunks;
    DRA_ROLLED for (int half = 0; half < D / 64; ++half) {
        const int channel = half * 64 + chunk * chunk_elements, left = channel < head_dim ? rows : 0;
        const T* from = first + thread / chunks * stride + channel;
        DRA_ROLLED for (int row = thread / chunks; row < ROWS; row += rows_per_pass) {
            ptx::copy_async_16(to + (half * ROWS + row) * 64 + (chunk ^ (row & 7)) * chunk_elements, from,
                               row < left ? 16 : 0);
            from += rows_per_pass * stride;
        }
    }
}

/// Copies what is ordered until the orders end; by the copiers. While there is no order, `meanwhile` is asked to do
/// something else, a little at a time; it says false when it has nothing left.
template <class T, class P, class Meanwhile> __device__ __forceinline__ void
copy_ragged_boxes(PipelineMemory<T, P> memory, const Tasks<P::tasks>& tasks, int thread, Meanwhile meanwhile) {
    PipelineState<P::orders> state;
    for (bool dismissed = false;;) {
        // Asked by every lane, answered for the warp: lanes that saw different answers would part.
        if (dismissed || !__all_sync(~0u, ptx::barrier_test(memory.order_full(state.stage), state.parity))) {
            if (meanwhile()) continue;
            if (dismissed) return;
        }
        __syncwarp();
        ptx::barrier_wait(memory.order_full(state.stage), state.parity);
        const int4 order = shared_load(memory.order(state.stage));
        const int place = order.y, rows = order.w;
        ptx::barrier_arrive(memory.order_empty(state.stage)); // every reader for itself
        state.next();
        dismissed = order.x == CopyOrder::none;
        if (dismissed) continue;
        const bool of_q = order.x % 4 == CopyOrder::q, of_k = order.x % 4 == CopyOrder::k;
        const Parameters& parameters = tasks.at(order.x / 4).parameters;
        const long long D = parameters.head_dim, first = static_cast<unsigned>(order.z) * D,
                        stride = D * parameters.dilation_rate * (of_q ? parameters.heads : parameters.kv_heads);
        const T* const tensor = static_cast<const T*>(of_q ? parameters.q : of_k ? parameters.k : parameters.v) + first;
        if (of_q)
            copy_box<P::box_rows, P::D>(memory.q(place), tensor, stride, rows, parameters.head_dim, thread);
        else
            copy_box<P::keys, P::D>(of_k ? memory.k(place) : memory.v(place), tensor, stride, rows, parameters.head_dim,
                                    thread);
        ptx::copy_async_commit();
        ptx::copy_async_wait<0>();
        ptx::fence_proxy_async();
        ptx::named_barrier_sync(copiers_barrier, copiers);
        if (thread == 0)
            ptx::barrier_arrive(of_q ? memory.q_full(place) : of_k ? memory.k_full(place) : memory.v_full(place));
    }
}

} // namespace dra::cuda::DRA_TARGET
