#pragma once
/// \file
/// What the kernels of several roles share: barriers, registers, who produces and who consumes; and their launch.
///
/// Each of them gives a Pipeline (sizes), a Consume (what a warpgroup does, from tile to tile; `redoes` if some tiles
/// must be done again) and Tickets (which tile is next).

#include "cuda/kernels/dispatcher.hpp"
#include "cuda/kernels/launch_kernel.hpp"
#include "cuda/kernels/producer.hpp"
#include "cuda/kernels/row_clearing.hpp"
#include "cuda/kernels/warpgroup_rows.hpp"

namespace dra::cuda::DRA_TARGET {

/// The kernel. Warpgroups 0 to P::warpgroups - 1 consume; of the last one warp 0 produces, warp 1 dispatches, and two
/// copy.
template <class T, class P, class Consume, class Tickets> __global__ void __launch_bounds__(P::threads, 1)
    attend_persistently(const __grid_constant__ Tasks<P::tasks> tasks, int* workspace) {
    DRA_SHARED_MEMORY(raw);
    const PipelineMemory<T, P> memory{raw};
    ptx::allow_next_launch();
    if (threadIdx.x == 0) memory.begin();
    __syncthreads();

    const int warpgroup =
        __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 128, 0); // the same in all lanes, and known to be
    if (warpgroup == P::warpgroups) {
        ptx::registers_decrease<P::producer_registers>();
        const int thread = static_cast<int>(threadIdx.x) - 128 * P::warpgroups;
        if (thread >= 64) {
            copy_ragged_boxes(memory, tasks, thread - 64, [&] {
                // opaque(): there is no register for the thread's number in between
                if constexpr (P::tasks > 1)
                    return clear_tokens<T>(tasks, memory.token_to_clear(ptx::opaque(thread) / 32 - 2));
                return false;
            });
        } else if (thread == 32) {
            dispatch_tiles<Consume::redoes, Tickets>(memory, tasks, workspace);
        } else if (thread == 0) {
            Producer<T, P> producer(memory, tasks);
            while (producer.feed()) {
            }
            producer.dismiss_copiers();
        }
    } else {
        ptx::registers_increase<P::consumer_registers>();
        WarpgroupRows<T, P> rows(memory, tasks, workspace, warpgroup);
        Consume::consume(rows);
    }
}

/// Launches as many blocks as the device has multiprocessors, which is as many as fit. `launches` are the patterns,
/// P::tasks at most, alike but for what tasks.hpp says. `earlier` are those that the launch before this one has
/// computed, and this one merges.
template <class P, class Consume, class Tickets, class T>
cudaError_t launch_tasks(std::span<const Launch> launches, bool clears, std::span<const Launch> earlier = {}) {
    int device = 0, multiprocessors = 0;
    if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return error;
    if (const cudaError_t error = cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
        error != cudaSuccess)
        return error;
    const Launch& first = launches.front();
    Tasks<P::tasks> tasks{{}, 0, 0, 0, first.float_out, clears};
    for (const Launch& launched : launches) {
        const TileSchedule schedule = make_tile_schedule(launched.parameters, P::rows, bytes_of(launched.type));
        tasks.task[tasks.count++] = {launched.parameters, *launched.maps, schedule, tasks.tickets};
        tasks.tickets += static_cast<int>(schedule.blocks());
    }
    tasks.merged = tasks.count;
    for (const Launch& launched : earlier) tasks.task[tasks.merged++].parameters = launched.parameters;
    const int blocks = std::min(tasks.tickets, multiprocessors);
    return launch_early(!earlier.empty(), attend_persistently<T, P, Consume, Tickets>, static_cast<unsigned>(blocks),
                        P::threads, P::shared_bytes, first.stream, tasks, first.workspace);
}

/// Calls f with D and the consumer warpgroups of a tile, as constants: three of them where `three`, and D allows it.
template <class F> cudaError_t with_tile(const Parameters& parameters, bool three, F f) {
    if (parameters.head_dim > 64) return f(std::integral_constant<int, 128>{}, std::integral_constant<int, 2>{});
    return three ? f(std::integral_constant<int, 64>{}, std::integral_constant<int, 3>{})
                 : f(std::integral_constant<int, 64>{}, std::integral_constant<int, 2>{});
}

/// Launches one pattern, of which only the selected rows are written.
template <template <int, int> class Shape, class Consume, class Tickets>
cudaError_t launch_persistent(const Launch& launched) {
    return with_half(launched.type, [&]<class T>(Element<T>) {
        return with_tile(launched.parameters, takes_three_warpgroups(launched.parameters),
                         [&](auto D, auto warpgroups) {
                             return launch_tasks<Shape<D, warpgroups>, Consume, Tickets, T>({&launched, 1}, false);
                         });
    });
}

} // namespace dra::cuda::DRA_TARGET
