#pragma once
/// \file
/// The producer: one thread that keeps the shared memory of a persistent block filled, and three warps that it can send.
///
/// A box (64 channels of 64 or 128 successive selected rows) comes by TMA, which the thread asks for and nobody waits for. A
/// box that the tensor map cannot give, because it is cut off by the end of a segment that the map does not know, is copied
/// by the other warps of its warpgroup (ragged_boxes.hpp). What consumers see is the same. Only the last box of a segment
/// can be of that kind:
///
///     map of q, k, v                        r divides w and w divides N          otherwise
///     sizes                                 {D, H r, w / r, N / w, B}            {D, H r, N / r, 1, B}
///     row t of the view lies at             (phase H + h, t, s, b)               (p mod r H + h, p / r + t, 0, b)
///     a box past the view's rows            is zero there                        would hold rows of the next segment
///
/// with p = s w + phase, the position of row 0.

#include "cuda/kernels/ladder.hpp"
#include "cuda/kernels/pipeline.hpp"
#include "cuda/kernels/ragged_boxes.hpp"
#include "cuda/kernels/view.hpp"

#include <climits>

namespace dra::cuda::DRA_TARGET {

/// For the tile of `work`, which begins at query row first_row.
__device__ __forceinline__ Source source_of(const Parameters& parameters, const Work& work, int first_row, int ticket,
                                            int task, bool even_segments) {
    const int r = ptx::opaque(parameters.dilation_rate), phase = phase_of(parameters, work.kv_head);
    const int begin = work.segment * parameters.segment_length, left = parameters.tokens - begin;
    const int length = left < parameters.segment_length ? left : parameters.segment_length;
    const unsigned N = parameters.tokens, H = parameters.heads, b = work.batch, h = work.head, position = begin + phase;

    Source source;
    source.first_row = first_row;
    source.rows = length > phase ? (length - phase + r - 1) / r : 0;
    source.batch = work.batch;
    source.out_row = (b * N + position) * H + h;
    source.lse_row = (b * H + h) * N + position;
    source.ticket = ticket;
    source.task = task;
    int in_row = phase; // of a row of the map, which is r positions
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

/// Everything here is done by one thread.
template <class T, class P> class Producer {
public:
    __device__ __forceinline__ Producer(PipelineMemory<T, P> memory, const Tasks<P::tasks>& tasks)
        : memory_(memory), tasks_(tasks) {}

    /// Everything that a tile needs, in the order in which consumers will ask for it; K runs a block ahead of V.
    __device__ __forceinline__ void feed(int ticket) {
        const int number = tasks_.of(ticket);
        const Task& task = tasks_.at(number);
        const Work work = work_of(unfamiliar(task.schedule), task.parameters, ticket - task.first_ticket);
        const Source source =
            source_of(task.parameters, work, work.tile * P::rows, ticket, number, task.maps.even_segments);
        if (source.first_row >= source.rows) return;
        const int blocks = key_blocks<P>(source.first_row, source.rows, task.parameters.causal);
        memory_.source().park(source);
        Ring<P::stages> v = k_;
        DRA_ROLLED for (int block = blocks - 1; block >= -1; --block) {
            if (block >= 0) load_k(block);
            if (block == blocks - 1)
                announce();
            else
                load_v(v, block + 1);
        }
    }

    /// Tells the consumers that no tile follows.
    __device__ __forceinline__ void end_of_tiles() {
        for (int warpgroup = 0; warpgroup < P::warpgroups; ++warpgroup) {
            ptx::barrier_wait(memory_.q_empty(warpgroup), q_parity() ^ 1);
            shared_store(memory_.tile(tile_.stage, warpgroup), make_int4(-1, 0, 0, 0));
            ptx::barrier_arrive(memory_.q_full(warpgroup));
        }
        tile_.next();
    }

    /// Nobody is asked for anything after that.
    __device__ __forceinline__ void dismiss_copiers() { send_copiers(memory_, order_, {CopyOrder::none, 0, 0, 0}); }

private:
    /// Q has one room, so a lap a tile.
    __device__ __forceinline__ unsigned q_parity() const { return tile_.stage & 1; }

    /// The decoding of a ticket divides; there are no registers to keep the divisors' reciprocals in.
    static __device__ __forceinline__ Schedule unfamiliar(const Schedule& schedule) {
        return {ptx::opaque(schedule.tiles), ptx::opaque(schedule.views),    ptx::opaque(schedule.section_views),
                ptx::opaque(schedule.heads), ptx::opaque(schedule.segments), ptx::opaque(schedule.group_size)};
    }

    /// Rows [first_row, first_row + ROWS) of one of a view's matrices.
    template <int ROWS>
    __device__ __forceinline__ void load(CopyOrder::Kind kind, int place, T* to, std::uint64_t* full, int first_row) {
        const Source view = memory_.source().read();
        const Task& task = tasks_.at(view.task);
        const TensorMap* const map = kind == CopyOrder::q   ? &task.maps.q
                                     : kind == CopyOrder::k ? &task.maps.k
                                                            : &task.maps.v;
        const int heads = kind == CopyOrder::q ? task.parameters.heads : task.parameters.kv_heads,
                  phase_and_head = kind == CopyOrder::q ? view.q_phase_and_head : view.kv_phase_and_head;
        const int row = view.row + first_row;
        if (first_row + ROWS <= view.boxed_rows) {
            ptx::barrier_arrive_expect(full, 2 * ROWS * P::D);
            DRA_UNROLLED for (int half = 0; half < P::halves; ++half) ptx::tensor_load(
                to + half * ROWS * 64, map, full, {64 * half, phase_and_head, row, view.segment, view.batch});
        } else {
            const unsigned position = view.batch * task.parameters.tokens + row * task.parameters.dilation_rate;
            send_copiers(memory_, order_,
                         {kind + 4 * view.task, place, position * heads + phase_and_head, view.rows - first_row});
        }
    }

    __device__ __forceinline__ void load_k(int block) {
        ptx::barrier_wait(memory_.k_empty(k_.stage), k_.parity ^ 1);
        load<P::keys>(CopyOrder::k, k_.stage, memory_.k(k_.stage), memory_.k_full(k_.stage), block * P::keys);
        k_.next();
    }
    __device__ __forceinline__ void load_v(Ring<P::stages>& v, int block) {
        ptx::barrier_wait(memory_.v_empty(v.stage), v.parity ^ 1);
        load<P::keys>(CopyOrder::v, v.stage, memory_.v(v.stage), memory_.v_full(v.stage), block * P::keys);
        v.next();
    }

    /// The tile and its Q, to every warpgroup as soon as that one is ready for it.
    __device__ __forceinline__ void announce() {
        DRA_ROLLED for (int warpgroup = 0; warpgroup < P::warpgroups; ++warpgroup) {
            ptx::barrier_wait(memory_.q_empty(warpgroup), q_parity() ^ 1);
            const Source source = memory_.source().read();
            int4* const tile = memory_.tile(tile_.stage, warpgroup);
            shared_store(tile, make_int4(source.first_row, source.rows, static_cast<int>(source.out_row),
                                         static_cast<int>(source.lse_row)));
            shared_store(tile + 1, make_int4(source.ticket, source.task, 0, 0));
            load<P::box_rows>(CopyOrder::q, warpgroup, memory_.q(warpgroup), memory_.q_full(warpgroup),
                              source.first_row + warpgroup * P::box_rows);
        }
        tile_.next();
    }

    PipelineMemory<T, P> memory_;
    const Tasks<P::tasks>& tasks_;
    Ring<P::stages> k_; ///< and of V, between tiles
    Ring<P::tiles_announced> tile_;
    Ring<P::orders> order_;
};

} // namespace dra::cuda::DRA_TARGET
