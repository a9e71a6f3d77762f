#pragma once
/// \file
/// The kernel around a step of several roles: barriers, registers, who produces and who consumes; and its launch.
///
/// A step gives a Pipeline (sizes), a Consume (what a warpgroup does, from tile to tile; `redoes` if some tiles must be done
/// again) and Tickets (which tile is next).

#include "cuda/kernels/launch_step.hpp"
#include "cuda/kernels/producer.hpp"
#include "cuda/kernels/row_clearing.hpp"
#include "cuda/kernels/warpgroup_rows.hpp"

namespace dra::cuda::DRA_TARGET {

/// Block i takes tiles i, i + gridDim, i + 2 gridDim ...
struct EveryGridth {
    static __device__ __forceinline__ int after(int ticket, int*, int) { return ticket + static_cast<int>(gridDim.x); }
};

/// A block draws its next tile when it needs one. The first gridDim are given away without being drawn.
struct Drawn {
    /// `counter` is zero before and after a launch.
    static __device__ __forceinline__ int after(int, int* counter, int tiles) {
        const int drawn = atomicAdd(counter, 1);
        if (drawn == tiles - 1) store(counter, 0); // every tile given away draws once: this was the last
        return drawn + ptx::blocks_of_grid();
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
    attend_persistently(const __grid_constant__ Tasks<P::tasks> tasks, int* workspace) {
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
            int* const token = memory.token_to_clear(thread / 32 - 1);
            copy_ragged_boxes(memory, tasks, thread - 32, [&] {
                if constexpr (P::tasks > 1) return clear_token<T>(tasks, token);
                return false;
            });
        } else if (thread == 0) {
            Producer<T, P> producer(memory, tasks);
            for (int ticket = static_cast<int>(blockIdx.x), next;; ticket = next) {
                bool again = Consume::redoes && shared_load(memory.feeds_again());
                if (again ? ticket < 0 : ticket >= tasks.tickets) {
                    producer.end_of_tiles();
                    if (again || !Consume::redoes) break;
                    ptx::barrier_wait(memory.done(), 0);
                    ticket = shared_load(memory.again());
                    if (ticket < 0) break;
                    again = true;
                    shared_store(memory.feeds_again(), 1);
                }
                // asked early: the answer takes as long as a load
                next = again ? take_from_list(workspace, ticket)
                             : Tickets::after(ticket, workspace, ptx::opaque(tasks.tickets));
                producer.feed(ticket);
            }
            producer.dismiss_copiers();
        }
    } else {
        ptx::registers_increase<P::consumer_registers>();
        WarpgroupRows<T, P> rows(memory, tasks, workspace, warpgroup);
        Consume::consume(rows);
    }
}

/// As many blocks as the device has multiprocessors, which is as many as fit. `launches` are the patterns, P::tasks at most,
/// alike but for what tasks.hpp says.
template <class P, class Consume, class Tickets, class T>
cudaError_t launch_tasks(std::span<const Launch> launches, Clears clears) {
    int device = 0, multiprocessors = 0;
    if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return error;
    if (const cudaError_t error = cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
        error != cudaSuccess)
        return error;
    const Launch& first = launches.front();
    Tasks<P::tasks> tasks{{}, 0, 0, first.float_out, clears};
    for (const Launch& launched : launches) {
        const Schedule schedule = make_schedule(launched.parameters, P::rows, bytes_of(launched.type));
        tasks.task[tasks.count++] = {launched.parameters, *launched.maps, schedule, tasks.tickets};
        tasks.tickets += static_cast<int>(schedule.blocks());
    }
    const int blocks = std::min(tasks.tickets, multiprocessors);
    return launch(attend_persistently<T, P, Consume, Tickets>, static_cast<unsigned>(blocks), P::threads,
                  P::shared_bytes, first.stream, tasks, first.workspace);
}

/// One pattern, of which only the selected rows are written.
template <template <int> class Shape, class Consume, class Tickets>
cudaError_t launch_persistent(const Launch& launched) {
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128>(launched.parameters.head_dim, [&](auto D) {
            return launch_tasks<Shape<D>, Consume, Tickets, T>({&launched, 1}, Clears::nothing);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET
