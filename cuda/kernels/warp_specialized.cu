/// \file
/// Kernel 7, warp_specialized: a producer warp and several consumer warpgroups, in a block that stays.
///
/// Teaches: who needs registers. A warp that only asks for boxes needs few, a warpgroup that holds scores, weights and
/// outputs of 64 rows needs 224 (D = 128): setmaxnreg moves them from the one to the other, which a launch cannot do.
/// With them a tile of keys is 128, and two warpgroups (three for D = 64) share it: half the traffic from L2 of a block
/// with one. While one warpgroup exponentiates, the tensor core has the other's products.
///
/// The grid is as large as the device; a block takes every gridDim-th query tile. So the producer fetches the next
/// tile's Q and K while the last one is still being computed, and nothing is set up anew.
///
/// Expected of an H200 at 8k tokens: 650 TFLOP/s (D = 128). Measured there, rested: 629, causal 531; D = 64: 525 and
/// 471. In the same run hopper 552, 532, 442, 432: under the mask a fixed share of tiles costs what the warpgroups
/// gain.
///
/// Any segment length, dilation rate and number of tokens: see producer.hpp. Takes bf16 and fp16, D a multiple of 8 up
/// to 128; compute capability 9.0 (sm_90a). Figures of all kernels: docs/gpu-results.md.

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/persistent.hpp"
#include "cuda/kernels/warpgroup_rows.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

template <int D, int WARPGROUPS> using WarpSpecialized = Pipeline<D, WARPGROUPS, 2, false>;

/// A consumer that takes one key block after the other: scores, weights, values, each waiting for the one before.
struct OneAfterTheOther {
    static constexpr bool redoes = false;

    template <class T, class P> static __device__ __forceinline__ void consume(WarpgroupRows<T, P>& rows) {
        while (rows.next_tile()) {
            rows.begin_rows();
            const int last = rows.blocks() - 1;
            for (int block = last; block >= 0; --block) {
                rows.await_k();
                rows.count(block);
                rows.issue_scores(rows.k_descriptor());
                ptx::wgmma_wait<0>();
                ptx::pin(rows.flat_s());
                rows.release_k();
                if (block == 0) rows.release_q_in_memory();
                if (rows.is_edge(block)) rows.hide(block);
                DRA_UNROLLED for (int i = 0; i < 2; ++i) {
                    rows.move_shift(i);
                    rows.weigh(i, 0, rows.columns);
                }
                rows.round_weights();
                if (block < last) rows.correct();
                rows.await_v();
                rows.issue_values(rows.v_descriptor(), block < last);
                ptx::wgmma_wait<0>();
                ptx::pin(rows.flat_o());
                rows.release_v();
            }
            store_by_fragments(rows, rows.memory.tile(rows.tile_state.stage, rows.warpgroup), rows.shift, rows.sum);
            rows.tile_state.next();
        }
    }
};

} // namespace

cudaError_t run_warp_specialized(const Launch& launched) {
    return launch_persistent<WarpSpecialized, OneAfterTheOther, StaticTickets>(launched);
}

} // namespace dra::cuda::DRA_TARGET
