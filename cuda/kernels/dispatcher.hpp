#pragma once
/// \file
/// The dispatcher: one thread that says which tile is next, and where it lies, ahead of the producer.
///
/// A ticket becomes a tile by eight divisions or so, behind a draw from memory: a microsecond and more, which no tile
/// would hide if the producer, whose boxes consumers wait for, did it. (It once did: at 512 rows per segment blocks
/// took a tenth longer.)

#include "cuda/kernels/pipeline.hpp"
#include "cuda/kernels/shard_view.hpp"
#include "cuda/kernels/tasks.hpp"

#include <climits>

namespace dra::cuda::DRA_TARGET {

/// Tickets without a draw: block i takes tiles i, i + gridDim, i + 2 gridDim ...
struct StaticTickets {
    /// The ticket that follows `ticket`.
    static __device__ __forceinline__ int after(int ticket, int*, int) { return ticket + ptx::blocks_of_grid(); }
};

/// Tickets by draw: a block draws its next tile when it needs one. The first gridDim are given away without being
/// drawn.
struct DynamicTickets {
    /// The next ticket of `tiles`. `counter` is zero before and after a launch.
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

/// The source of the tile `work`, which begins at query row first_row.
__device__ __forceinline__ Source source_of(const Parameters& parameters, const WorkTile& work, int first_row,
                                            int ticket, int task, bool even_segments) {
    const int r = ptx::opaque(parameters.dilation_rate), phase = phase_of(parameters, work.kv_head);
    const int begin = work.segment * parameters.segment_length, left = parameters.tokens - begin;
    const int length = left < parameters.segment_length ? left : parameters.segment_length;
    const unsigned N = parameters.tokens, H = parameters.heads, b = work.batch, h = work.head, position = begin + phase;

    Source source;
    source.first_row = first_row;
    source.rows = length > phase ? (length - phase + r - 1) / r : 0;
    source.batch = work.batch;
    source.q_row = (b * N + position) * H + h;
    source.kv_row = (b * N + position) * parameters.kv_heads + work.kv_head;
    source.lse_row = (b * H + h) * N + position;
    source.ticket = ticket;
    source.task = task;
    int in_row = phase; // the position within a row of the map, which is r positions
    if (even_segments) {
        source.row = 0;
        source.segment = work.segment;
        source.boxed_rows = INT_MAX;
    } else {
        source.row = (begin + phase) / r;
        source.segment = 0;
        in_row = (begin + phase) % r;
        const int whole = parameters.tokens / r - source.row;
        source.boxed_rows = source.rows < whole ? source.rows : whole;
    }
    source.q_phase_and_head = in_row * parameters.heads + work.head;
    source.kv_phase_and_head = in_row * parameters.kv_heads + work.kv_head;
    return source;
}

/// The same of two views. Their tensor maps know no segments.
__device__ __forceinline__ ShardSource shard_source_of(const Parameters& parameters, const WorkTile& work,
                                                       int tile_rows, int ticket, int task) {
    const int r = ptx::opaque(parameters.dilation_rate);
    const NumberedRows numbered = numbered_rows(parameters, work);
    const unsigned n = parameters.tokens, m = parameters.key_tokens, H = parameters.heads, Hkv = parameters.kv_heads,
                   b = work.batch, h = work.head;
    const int first_token = numbered.q_token + numbered.first * r; // of q, and not before it

    ShardSource source;
    source.first_row = numbered.first + work.tile * tile_rows;
    source.rows = numbered.end;
    source.keys = numbered.keys;
    source.batch = work.batch;
    source.segment = 0;
    source.q_row = (b * n + static_cast<unsigned>(numbered.q_token)) * H + h;
    source.kv_row = (b * m + static_cast<unsigned>(numbered.k_token)) * Hkv + work.kv_head;
    source.lse_row = (b * H + h) * n + static_cast<unsigned>(numbered.q_token);
    source.ticket = ticket;
    source.task = task;
    source.row = first_token / r - numbered.first;
    source.key_row = numbered.k_token / r;
    source.q_phase_and_head = first_token % r * parameters.heads + work.head;
    source.kv_phase_and_head = numbered.k_token % r * parameters.kv_heads + work.kv_head;
    const int whole = parameters.tokens / r - source.row, whole_keys = parameters.key_tokens / r - source.key_row;
    source.boxed_rows = source.rows < whole ? source.rows : whole;
    source.boxed_keys = source.keys < whole_keys ? source.keys : whole_keys;
    return source;
}

/// A schedule of whose numbers the compiler knows nothing: the decoding of a ticket divides by them, and there are no
/// registers to keep the divisors' reciprocals in.
__device__ __forceinline__ TileSchedule unfamiliar(const TileSchedule& schedule) {
    return {ptx::opaque(schedule.tiles), ptx::opaque(schedule.views),    ptx::opaque(schedule.section_views),
            ptx::opaque(schedule.heads), ptx::opaque(schedule.segments), ptx::opaque(schedule.query_heads_per_kv_head)};
}

/// Publishes all tiles of the block: those that its tickets name, and where a kernel `REDOES` tiles those that its
/// consumers have put on their list.
template <bool REDOES, class Tickets, class T, class P> __device__ __forceinline__ void
dispatch_tiles(PipelineMemory<T, P> memory, const Tasks<P::tasks>& tasks, int* workspace) {
    PipelineState<1> state;
    using SourceOfTile = typename P::SourceOfTile;
    const auto publish = [&](const SourceOfTile& source) {
        ptx::barrier_wait(memory.source_empty(), state.parity ^ 1);
        memory.source().park(source);
        ptx::barrier_arrive(memory.source_full());
        state.next();
    };
    const auto publish_tile = [&](int ticket) {
        const int number = tasks.of(ticket);
        const Task& task = tasks.at(number);
        const WorkTile work = work_tile(unfamiliar(task.schedule), task.parameters, ticket - task.first_ticket);
        const SourceOfTile source = [&] {
            if constexpr (P::two_views)
                return shard_source_of(task.parameters, work, P::rows, ticket, number);
            else
                return source_of(task.parameters, work, work.tile * P::rows, ticket, number, task.maps.even_segments);
        }();
        if (source.first_row < source.rows) publish(source); // else the view is shorter than others
    };
    const auto publish_end = [&](int which) {
        SourceOfTile source{};
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
