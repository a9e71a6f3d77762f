#pragma once
/// \file
/// A consumer warpgroup that takes no maximum but in a tile's first block and under the mask, and has a tile done again
/// whose weights or outputs went beyond their type. fixed_reference.cu says why that is exact.

#include "cuda/kernels/overlapped_rows.hpp"
#include "cuda/kernels/vector_stores.hpp"

#include <type_traits>

namespace dra::cuda::DRA_TARGET {

/// A row's sum of weights below which none has overflowed in T, since none is larger than the sum.
template <class T> constexpr float largest_sum = std::is_same_v<T, bf16> ? 0x1p64f : 65504.f;

/// What launch_persistent() asks for. The list of tiles to do again lies in the workspace, behind the counter of
/// tickets; see take_from_list().
template <class Store> struct FixedReference {
    static constexpr bool redoes = true;

    template <class T, class P> static __device__ __forceinline__ void consume(WarpgroupRows<T, P>& rows) {
        Form form{rows.workspace};
        OverlappedRows<T, P, Form> overlapped{rows, form};
        overlapped.run();

        rows.release_q(); // the slot that said "no tile"
        rows.tile_state.next();
        __syncwarp();
        if (lane_index() == 0) ptx::barrier_arrive(rows.memory.done());
        ptx::barrier_wait(rows.memory.done(), 0);
        if (shared_load(rows.memory.again()) < 0) return;
        form.again = true;
        overlapped.k_is_there = 0;
        overlapped.run();
    }

private:
    /// What OverlappedRows asks for.
    struct Form {
        static constexpr bool always_moves_shift = false;
        int* workspace;
        bool again = false; ///< the tiles come for the second time

        __device__ __forceinline__ bool moves_shift(bool edge) const { return edge || again; }

        template <class T, class P> __device__ __forceinline__ void
        store(WarpgroupRows<T, P>& rows, const int4* tile, const float (&shift)[2], const float (&sum)[2]) {
            const Stored stored = Store::store(rows, tile, shift, sum);
            const bool beyond = !(stored.largest_sum < largest_sum<T>) || stored.wrong != 0;
            const int ticket = shared_load(tile + 1).x;
            ptx::push_if(__any_sync(~0u, beyond) && !again && lane_index() == 0, workspace + 2 + 2LL * ticket,
                         rows.memory.again(), ticket);
        }
    };
};

} // namespace dra::cuda::DRA_TARGET
