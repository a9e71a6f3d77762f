#pragma once
/// \file
/// The kernel around a step of several roles: barriers, registers, who produces and who consumes; and its launch.
///
/// A step gives a Pipeline (sizes), a Consume (what a warpgroup does, from tile to tile; `redoes` if some tiles must be done
/// again) and Tickets (which tile is next).

#include "cuda/kernels/launch_step.hpp"
#include "cuda/kernels/producer.hpp"
#include "cuda/kernels/warpgroup_rows.hpp"

namespace dra::cuda::DRA_TARGET {

/// Block i takes tiles i, i + gridDim, i + 2 gridDim ...
struct EveryGridth {
    __device__ __forceinline__ EveryGridth(int*, int) {}
    __device__ __forceinline__ int after(int ticket) { return ticket + static_cast<int>(gridDim.x); }
};

/// A block draws its next tile when it needs one. The first gridDim are given away without being drawn.
struct Drawn {
    int* counter; ///< zero before and after a launch
    int tiles;

    __device__ __forceinline__ Drawn(int* workspace, int tiles_) : counter(workspace), tiles(tiles_) {}
    __device__ __forceinline__ int after(int) {
        const int drawn = atomicAdd(counter, 1);
        if (drawn == tiles - 1) store(counter, 0); // every tile given away draws once: this was the last
        return drawn + static_cast<int>(gridDim.x);
    }
};

/// Takes a tile from the list of those to do again; returns the one behind it, or -1. The list's nodes are pairs of the
/// workspace, behind the tickets' counter: {on the list, next}, zero where a tile is not on it.
__device__ __forceinline__ int take_from_list(int* workspace, int ticket) {
    int* const node = workspace + 2 + 2LL * ticket;
    const int next = load(node + 1);
    store(node, 0);
    store(node + 1, 0);
    return next;
}

template <class T, class P, class Consume, class Tickets> __global__ void __launch_bounds__(P::threads, 1)
    attend_persistently(const __grid_constant__ Parameters parameters, const __grid_constant__ Schedule schedule,
                        const __grid_constant__ Output output, int* workspace, const __grid_constant__ Maps maps) {
    DRA_SHARED_MEMORY(raw);
    const PipelineMemory<T, P> memory{raw};
    if (threadIdx.x == 0) memory.begin();
    __syncthreads();

    const int warpgroup =
        __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 128, 0); // the same in all lanes, and known to be
    if (warpgroup == P::warpgroups) {
        ptx::registers_decrease<P::producer_registers>();
        const int thread = static_cast<int>(threadIdx.x) - 128 * P::warpgroups;
        if (thread >= 32) {
            copy_ragged_boxes(memory, parameters, thread - 32);
        } else if (thread == 0) {
            Producer<T, P> producer(memory, parameters, maps);
            const int tiles = static_cast<int>(schedule.blocks());
            Tickets tickets(workspace, tiles);
            for (int ticket = static_cast<int>(blockIdx.x), next;; ticket = next) {
                bool again = Consume::redoes && shared_load(memory.feeds_again());
                if (again ? ticket < 0 : ticket >= tiles) {
                    producer.end_of_tiles();
                    if (again || !Consume::redoes) break;
                    ptx::barrier_wait(memory.done(), 0);
                    ticket = shared_load(memory.again());
                    if (ticket < 0) break;
                    again = true;
                    shared_store(memory.feeds_again(), 1);
                }
                // asked early: the answer takes as long as a load
                next = again ? take_from_list(workspace, ticket) : tickets.after(ticket);
                // The decoding of a ticket divides; the producer has no registers to keep the divisors' reciprocals in.
                const Schedule order{ptx::opaque(schedule.tiles),         ptx::opaque(schedule.views),
                                     ptx::opaque(schedule.section_views), ptx::opaque(schedule.heads),
                                     ptx::opaque(schedule.segments),      ptx::opaque(schedule.group_size)};
                producer.feed(work_of(order, parameters, ticket), ticket);
            }
            producer.dismiss_copiers();
        }
    } else {
        ptx::registers_increase<P::consumer_registers>();
        WarpgroupRows<T, P> rows(memory, parameters, output, workspace, warpgroup);
        Consume::consume(rows);
    }
}

/// As many blocks as the device has multiprocessors, which is as many as fit.
template <template <int> class Shape, class Consume, class Tickets>
cudaError_t launch_persistent(const Launch& launched) {
    int device = 0, multiprocessors = 0;
    if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return error;
    if (const cudaError_t error = cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
        error != cudaSuccess)
        return error;
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128>(launched.parameters.head_dim, [&](auto D) {
            using P = Shape<D>;
            const Schedule schedule = make_schedule(launched.parameters, P::rows, bytes_of(launched.type));
            const long long blocks = std::min<long long>(schedule.blocks(), multiprocessors);
            return launch(attend_persistently<T, P, Consume, Tickets>, static_cast<unsigned>(blocks), P::threads,
                          P::shared_bytes, launched.stream, launched.parameters, schedule,
                          Output{launched.parameters.out, launched.float_out}, launched.workspace, *launched.maps);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET
