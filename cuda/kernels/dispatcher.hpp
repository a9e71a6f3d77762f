#pragma once
/// \file
/// The dispatcher: one thread that says which tile is next, and where it lies, ahead of the producer.
///
/// A ticket becomes a tile by eight divisions or so, behind a draw from memory: a microsecond and more, which no tile would hide
/// if the producer, whose boxes consumers wait for, did it. (It once did: at 512 rows a segment blocks took a tenth longer.)

#include "cuda/kernels/pipeline.hpp"
#include "cuda/kernels/tasks.hpp"
#include "cuda/kernels/view.hpp"

#include <climits>

namespace dra::cuda::DRA_TARGET {

/// A grid-stride loop: block i takes tiles i, i + gridDim, i + 2 gridDim ...
struct GridStride {
    static __device__ __forceinline__ int after(int ticket, int*, int) { return ticket + ptx::blocks_of_grid(); }
};

/// A block draws its next tile when it needs one. The first gridDim are given away without being drawn.
struct DynamicTickets {
    /// `counter` is zero before and after a launch.
    static __device__ __forceinline__ int after(int, int* counter, int tiles) {
        const int drawn = atomicAdd(counter, 1);
        if (drawn == tiles - 1) atomicExch(counter, 0); // every tile given away draws once: this was the last
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

/// Where the selected rows of a tensor lie in its map, of `tokens` tokens and `heads` heads; `first` as in selected_rows().
struct MappedTensor {
    int first, tokens, heads, head, first_segment;
};
__device__ __forceinline__ Boxes boxes_of(const Parameters& parameters, const Work& work, const MappedTensor& tensor,
                                          const SelectedRows& rows, bool even_segments) {
    Boxes boxes;
    boxes.count = rows.count;
    boxes.at = (static_cast<unsigned>(work.batch) * tensor.tokens + rows.first) * tensor.heads + tensor.head;
    int phase; // of a row of the map, which is r positions
    if (even_segments) {
        boxes.row = 0;
        boxes.segment = work.segment - tensor.first_segment;
        boxes.boxed = INT_MAX;
        phase = phase_in_part(parameters, work.segment, tensor.first, rows);
    } else {
        const int r = ptx::opaque(parameters.dilation_rate);
        boxes.row = rows.first / r;
        boxes.segment = 0;
        phase = rows.first % r;
        const int whole = tensor.tokens / r - boxes.row;
        boxes.boxed = rows.count < whole ? rows.count : whole;
    }
    boxes.phase_and_head = phase * tensor.heads + tensor.head;
    return boxes;
}

/// For the tile of `work`, which begins at query row first_row.
__device__ __forceinline__ Source source_of(const Parameters& parameters, const Maps& maps, const Work& work,
                                            int first_row, int ticket, int task) {
    const int phase = phase_of(parameters, work.kv_head);
    const MappedTensor q{parameters.first_token, parameters.tokens, parameters.heads, work.head, maps.first_segment},
        kv{parameters.first_key_token, parameters.key_tokens, parameters.kv_heads, work.kv_head,
           maps.first_key_segment};
    const SelectedRows queries = selected_rows(parameters, work.segment, phase, q.first, q.tokens);
    SelectedRows keys = selected_rows(parameters, work.segment, phase, kv.first, kv.tokens);
    Source source;
    source.first_row = first_row;
    source.shift = shift_of(parameters, queries, keys);
    source.batch = work.batch;
    keys.count = visible_keys(queries.count - 1, source.shift, keys.count);
    source.q = boxes_of(parameters, work, q, queries, maps.even_segments);
    source.kv = boxes_of(parameters, work, kv, keys, maps.even_segments);
    source.lse_row = static_cast<unsigned>(work.batch * q.heads + work.head) * q.tokens + queries.first;
    source.ticket = ticket;
    source.task = task;
    return source;
}

/// The decoding of a ticket divides; there are no registers to keep the divisors' reciprocals in.
__device__ __forceinline__ Schedule unfamiliar(const Schedule& schedule) {
    return {ptx::opaque(schedule.tiles), ptx::opaque(schedule.views),    ptx::opaque(schedule.section_views),
            ptx::opaque(schedule.heads), ptx::opaque(schedule.segments), ptx::opaque(schedule.group_size),
            schedule.first_segment};
}

/// All tiles of the block: those that its tickets name, and where a step `REDOES` those that its consumers have put on their list.
template <bool REDOES, class Tickets, class T, class P> __device__ __forceinline__ void
dispatch_tiles(PipelineMemory<T, P> memory, const Tasks<P::tasks>& tasks, int* workspace) {
    Ring<1> ring;
    const auto publish = [&](const Source& source) {
        ptx::barrier_wait(memory.source_empty(), ring.parity ^ 1);
        memory.source().park(source);
        ptx::barrier_arrive(memory.source_full());
        ring.next();
    };
    const auto publish_tile = [&](int ticket) {
        const int number = tasks.of(ticket);
        const Task& task = tasks.at(number);
        const Work work = work_of(unfamiliar(task.schedule), task.parameters, ticket - task.first_ticket);
        const Source source = source_of(task.parameters, task.maps, work, work.tile * P::rows, ticket, number);
        if (source.first_row < source.q.count) publish(source); // else the view is shorter than others
    };
    const auto publish_end = [&](int which) {
        Source source{};
        source.first_row = which;
        publish(source);
    };

    for (int ticket = static_cast<int>(blockIdx.x); ticket < tasks.tickets;) {
        publish_tile(ticket);
        ticket = Tickets::after(ticket, workspace, ptx::opaque(tasks.tickets));
    }
    publish_end(Source::no_tile_follows);
    if constexpr (REDOES) {
        ptx::barrier_wait(memory.done(), 0);
        int ticket = shared_load(memory.again());
        if (ticket >= 0) {
            for (int next; ticket >= 0; ticket = next) {
                next = take_from_list(workspace, ticket);
                publish_tile(ticket);
            }
            publish_end(Source::no_tile_follows);
        }
    }
    publish_end(Source::over);
}

} // namespace dra::cuda::DRA_TARGET
