#pragma once
/// \file
/// The loop of a consumer warpgroup that never waits for what it has just asked: the next scores are computed while it
/// exponentiates, within a tile and from one tile to the next.
///
///     weights of block n are in p
///     issue  S' = Q K(n-1)^T
///     issue  O += P V(n)
///     wait for S';  softmax of S' (all but the last of it);  wait for O;  the rest of the softmax;  correct O
///
/// At the end of a tile S' are the scores of the next tile's first block, so the tensor core has work while the
/// warpgroup divides and stores.
///
/// Two things that the source does not show. The compiler (13.0) moves the wait for O up over the softmax, where
/// nothing would overlap, unless something holds it back: here whether the mbarrier before it must be waited for
/// depends on the sign of the sums, which is never negative. And a branch that a warp's lanes might take differently
/// anywhere in the loop costs its descriptors their uniform registers; so stores at its end are predicated, not
/// branched around.

#include "cuda/kernels/warpgroup_rows.hpp"

namespace dra::cuda::DRA_TARGET {

/// The loop. `Form` is what a kernel makes of the rest:
///
///     always_moves_shift                 the softmax looks for a maximum in every block
///     moves_shift(edge)                  whether it does in this one; it always does in a tile's first
///     store(rows, tile, shift, sum)      the end of a tile
template <class T, class P, class Form> struct OverlappedRows {
    WarpgroupRows<T, P>& rows;
    Form& form;
    int k_is_there = 0; ///< barrier_test() has said so of the next K

    /// The number of 8-column blocks of row 1 that are weighed before the wait.
    static constexpr int before_wait = P::warpgroups == 2 ? 4 : 8;

    /// Computes all tiles, from the first to the last.
    __device__ __forceinline__ void run() {
        if (!rows.next_tile()) return;
        take_first_turn();
        begin();
        for (bool more = true; more;) {
            const int blocks = rows.blocks(), slot = rows.tile_state.stage;
            for (int block = blocks - 1; block > 0; --block) step<false>(block - 1, block < blocks - 1, slot);
            rows.tile_state.next();
            more = rows.next_tile();
            if (more)
                step<true>(rows.blocks() - 1, blocks > 1, slot);
            else
                end(blocks > 1, slot);
        }
        leave_turns();
    }

private:
    /// Computes the first block of all, which has nothing to overlap with.
    __device__ __forceinline__ void begin() {
        const int block = rows.blocks() - 1;
        rows.await_k();
        rows.count(block);
        rows.issue_scores(rows.k_descriptor());
        ptx::wgmma_wait<0>();
        ptx::pin(rows.flat_s());
        rows.release_k();
        if (block == 0) rows.release_q_in_memory();
        rows.begin_rows();
        if (rows.is_edge(block)) rows.hide(block);
        DRA_UNROLLED for (int i = 0; i < 2; ++i) {
            rows.move_shift(i);
            rows.weigh(i, 0, rows.columns);
        }
        rows.round_weights();
        rows.await_v();
    }

    /// Takes one turn of the loop above. `block` is that of the scores; with `NextTile` it belongs to the next tile,
    /// and the one in `slot` ends.
    template <bool NextTile> __device__ __forceinline__ void step(int block, bool accumulate, int slot) {
        const std::uint64_t K = rows.k_descriptor(), V = rows.v_descriptor();
        ptx::barrier_wait_unless(k_is_there, rows.memory.k_full(rows.k_state.stage), rows.k_state.parity);
        rows.count(block);
        await_turn();
        rows.issue_scores(K);
        rows.issue_values(V, accumulate);
        pass_turn();
        ptx::wgmma_wait<1>();
        ptx::pin(rows.flat_s());
        rows.release_k();
        if (block == 0) rows.release_q_in_memory();

        const auto next_v = rows.v_state.after();
        const int v_is_there = ptx::barrier_test(rows.memory.v_full(next_v.stage), next_v.parity); // asked early
        const float shift[2] = {rows.shift[0], rows.shift[1]}, sum[2] = {rows.sum[0], rows.sum[1]};
        if constexpr (NextTile) rows.begin_rows();
        const bool edge = rows.is_edge(block), moves = NextTile || form.moves_shift(edge);
        if (edge) rows.hide(block);
        if constexpr (Form::always_moves_shift) {
            rows.move_shift(0);
            rows.weigh(0, 0, rows.columns);
            rows.move_shift(1);
        } else {
            if (moves) {
                rows.move_shift(0);
                rows.move_shift(1);
            }
            rows.weigh(0, 0, rows.columns);
        }
        rows.weigh(1, 0, before_wait);
        k_is_there = ptx::barrier_test(rows.memory.k_full(rows.k_state.stage), rows.k_state.parity);
        ptx::pin(rows.flat_s());
        const int never = static_cast<int>(__float_as_uint(rows.sum[0] + rows.sum[1]) >> 31);
        ptx::barrier_wait_unless(v_is_there & ~never, rows.memory.v_full(next_v.stage), next_v.parity);
        ptx::wgmma_wait<0>();
        ptx::pin(rows.flat_o());
        rows.release_v();
        rows.weigh(1, before_wait, rows.columns);
        rows.round_weights();
        if constexpr (NextTile)
            form.store(rows, rows.memory.tile(slot, rows.warpgroup), shift, sum);
        else if (moves)
            rows.correct();
    }

    /// Computes the last tile's last product, and ends the tile.
    __device__ __forceinline__ void end(bool accumulate, int slot) {
        rows.issue_values(rows.v_descriptor(), accumulate);
        ptx::wgmma_wait<0>();
        ptx::pin(rows.flat_o());
        rows.release_v();
        const float shift[2] = {rows.shift[0], rows.shift[1]}, sum[2] = {rows.sum[0], rows.sum[1]};
        form.store(rows, rows.memory.tile(slot, rows.warpgroup), shift, sum);
    }

    // Named barrier turn_barrier + i is warpgroup i's turn, given by the warpgroup before it.
    static constexpr bool in_turn = P::warpgroups == 3; ///< three warpgroups take turns; two are balanced without
    static constexpr int two_warpgroups = 256;          ///< threads that meet at such a barrier
    __device__ __forceinline__ void await_turn() {
        if constexpr (in_turn) ptx::named_barrier_sync(turn_barrier + rows.warpgroup, two_warpgroups);
    }
    __device__ __forceinline__ void pass_turn() {
        if constexpr (in_turn)
            ptx::named_barrier_arrive(turn_barrier + (rows.warpgroup + 1) % P::warpgroups, two_warpgroups);
    }
    __device__ __forceinline__ void take_first_turn() {
        if constexpr (in_turn)
            if (rows.warpgroup == P::warpgroups - 1) ptx::named_barrier_arrive(turn_barrier, two_warpgroups);
    }
    /// Takes the arrival that is left over at the end.
    __device__ __forceinline__ void leave_turns() {
        if constexpr (in_turn)
            if (rows.warpgroup == 0) ptx::named_barrier_sync(turn_barrier, two_warpgroups);
    }
};

/// A form whose softmax looks for a maximum in every block.
template <class Store> struct RunningMaximum : Store {
    static constexpr bool always_moves_shift = true;
    static __device__ __forceinline__ bool moves_shift(bool) { return true; }
};

/// What launch_persistent() asks for.
template <class Form> struct Overlap {
    static constexpr bool redoes = false;

    template <class T, class P> static __device__ __forceinline__ void consume(WarpgroupRows<T, P>& rows) {
        Form form;
        OverlappedRows<T, P, Form>{rows, form}.run();
    }
};

} // namespace dra::cuda::DRA_TARGET
