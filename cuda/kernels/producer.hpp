#pragma once
/// \file
/// The producer: one thread that keeps the shared memory of a persistent block filled, and two warps that it can send.
///
/// A box (64 channels of 64 or 128 successive selected rows) comes by TMA, which the thread asks for and nobody waits
/// for. A box that the tensor map cannot give, because it is cut off by the end of a segment that the map does not
/// know, is copied by the other warps of its warpgroup (ragged_boxes.hpp). What consumers see is the same. Only the
/// last box of a segment can be of that kind:
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

namespace dra::cuda::DRA_TARGET {

/// The producer's thread: it feeds one tile after the other to the consumers.
template <class T, class P> class Producer {
public:
    __device__ __forceinline__ Producer(PipelineMemory<T, P> memory, const Tasks<P::tasks>& tasks)
        : memory_(memory), tasks_(tasks) {}

    /// Loads everything that the dispatcher's next tile needs, in the order in which consumers will ask for it; K runs
    /// a block ahead of V. False: there was no tile.
    __device__ __forceinline__ bool feed() {
        ptx::barrier_wait(memory_.source_full(), parity());
        const int first_row = source().first_row;
        if (first_row >= 0) {
            const int blocks = key_blocks<P>(first_row, part_of(source(), CopyOrder::k).rows, tasks_.common().causal);
            DRA_ROLLED for (int block = blocks - 1; block >= -1; --block) {
                const PipelineState<P::stages> v = k_.before(); // the stage of the block behind
                if (block >= 0) load_k(block);
                if (block == blocks - 1)
                    announce();
                else
                    load_v(v, block + 1);
            }
        } else if (first_row == Source::no_tile_follows) {
            end_of_tiles();
        }
        tile_.stage = ptx::opaque(tile_.stage); // what has been computed from it would need a register until here
        const bool over = source().first_row == Source::over;
        ptx::barrier_arrive(memory_.source_empty());
        tile_.next();
        return !over;
    }

    /// Sends the copiers home: nobody is asked for anything after that.
    __device__ __forceinline__ void dismiss_copiers() { send_copiers(memory_, order_, {CopyOrder::none, 0, 0, 0}); }

private:
    /// Tells the consumers that no tile follows.
    __device__ __forceinline__ void end_of_tiles() {
        for (int warpgroup = 0; warpgroup < P::warpgroups; ++warpgroup) {
            ptx::barrier_wait(memory_.q_empty(warpgroup), parity() ^ 1);
            shared_store(memory_.tile(tile_.stage, warpgroup), make_int4(-1, 0, 0, 0));
            ptx::barrier_arrive(memory_.q_full(warpgroup));
        }
    }

    /// What the dispatcher says of the tile.
    __device__ __forceinline__ typename P::SourceOfTile source() const { return memory_.source().read(); }

    /// The queries, or the keys, of a tile's view: how many there are, how many boxes may reach into, and row 0 in the
    /// map.
    struct Part {
        int rows, boxed_rows, row;
    };
    static __device__ __forceinline__ Part part_of(const typename P::SourceOfTile& source, CopyOrder::Kind kind) {
        if constexpr (P::two_views)
            if (kind != CopyOrder::q) return {source.keys, source.boxed_keys, source.key_row};
        return {source.rows, source.boxed_rows, source.row};
    }

    /// The parity of the laps of Q and the source, which have one stage each, and so one lap per tile.
    __device__ __forceinline__ unsigned parity() const { return tile_.stage & 1; }

    /// Loads rows [first_row, first_row + ROWS) of one of a view's matrices.
    template <int ROWS>
    __device__ __forceinline__ void load(CopyOrder::Kind kind, int place, T* to, std::uint64_t* full, int first_row) {
        const auto view = source();
        const Part part = part_of(view, kind);
        const Task& task = tasks_.at(view.task);
        const TensorMap* const map = kind == CopyOrder::q   ? &task.maps.q
                                     : kind == CopyOrder::k ? &task.maps.k
                                                            : &task.maps.v;
        const int heads = kind == CopyOrder::q ? task.parameters.heads : task.parameters.kv_heads,
                  phase_and_head = kind == CopyOrder::q ? view.q_phase_and_head : view.kv_phase_and_head;
        const int row = part.row + first_row;
        if (first_row + ROWS <= part.boxed_rows) {
            ptx::barrier_arrive_expect(full, 2 * ROWS * P::D);
            DRA_UNROLLED for (int half = 0; half < P::halves; ++half) ptx::tensor_load(
                to + half * ROWS * 64, map, full, {64 * half, phase_and_head, row, view.segment, view.batch});
        } else {
            const unsigned first = (kind == CopyOrder::q ? view.q_row : view.kv_row);
            send_copiers(memory_, order_,
                         {kind + 4 * view.task, place, first + first_row * task.parameters.dilation_rate * heads,
                          part.rows - first_row});
        }
    }

    __device__ __forceinline__ void load_k(int block) {
        ptx::barrier_wait(memory_.k_empty(k_.stage), k_.parity ^ 1);
        load<P::keys>(CopyOrder::k, k_.stage, memory_.k(k_.stage), memory_.k_full(k_.stage), block * P::keys);
        k_.next();
    }
    __device__ __forceinline__ void load_v(const PipelineState<P::stages>& v, int block) {
        ptx::barrier_wait(memory_.v_empty(v.stage), v.parity ^ 1);
        load<P::keys>(CopyOrder::v, v.stage, memory_.v(v.stage), memory_.v_full(v.stage), block * P::keys);
    }

    /// Hands the tile and its Q to every warpgroup as soon as that one is ready for it.
    __device__ __forceinline__ void announce() {
        DRA_ROLLED for (int warpgroup = 0; warpgroup < P::warpgroups; ++warpgroup) {
            ptx::barrier_wait(memory_.q_empty(warpgroup), parity() ^ 1);
            const auto source = this->source();
            int4* const tile = memory_.tile(tile_.stage, warpgroup);
            shared_store(tile, make_int4(source.first_row, part_of(source, CopyOrder::k).rows,
                                         static_cast<int>(source.q_row), static_cast<int>(source.lse_row)));
            shared_store(tile + 1, make_int4(source.ticket, source.task, P::two_views ? source.rows : 0, 0));
            load<P::box_rows>(CopyOrder::q, warpgroup, memory_.q(warpgroup), memory_.q_full(warpgroup),
                              source.first_row + warpgroup * P::box_rows);
        }
    }

    PipelineMemory<T, P> memory_;
    const Tasks<P::tasks>& tasks_;
    PipelineState<P::stages> k_; ///< the stage of the next K; V is a block behind
    PipelineState<P::tiles_announced> tile_;
    PipelineState<P::orders> order_;
};

} // namespace dra::cuda::DRA_TARGET
