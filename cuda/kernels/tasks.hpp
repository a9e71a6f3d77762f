#pragma once
/// \file
/// What one launch of a persistent kernel does: one pattern, or several.
///
/// Tickets are counted through, those of task 0 first. Tasks share everything but their segments, dilation, phases,
/// heads, out and lse.

#include "cuda/kernels/ladder.hpp"
#include "cuda/kernels/tile_schedule.hpp"

namespace dra::cuda::DRA_TARGET {

/// One pattern, and the tickets of its tiles.
struct Task {
    Parameters parameters;
    Maps maps;
    TileSchedule schedule;
    int first_ticket; ///< the ticket of its first tile; its tickets follow one another
};

/// A kernel's parameter: N tasks at most.
template <int N> struct Tasks {
    Task task[N];
    int count, tickets; ///< the number of tasks with tickets, and that of all tickets
    int merged;         ///< tasks from `count` to here have no tickets: an earlier launch left their partials
    bool float_out;     ///< out is float whatever the type
    bool clears;        ///< rows that a pattern does not select become (0, -inf)

    /// The number of a ticket's task.
    __device__ __forceinline__ int of(int ticket) const {
        int i = 0;
        if constexpr (N > 1)
            while (i + 1 < count && ticket >= task[i + 1].first_ticket) ++i;
        return i;
    }
    __device__ __forceinline__ const Task& at(int i) const { return task[N == 1 ? 0 : i]; }
    /// Task 0's parameters, for what all tasks share.
    __device__ __forceinline__ const Parameters& common() const { return task[0].parameters; }
};

} // namespace dra::cuda::DRA_TARGET
