/// \file
/// Kernel 9, balanced: nobody waits where another stage, another order or another place for a value would spare it.
///
/// Teaches: looking for what is left once the products overlap.
/// - Stages. A third K and V (a fourth for D = 64) lets the producer be a block ahead of every warpgroup.
/// - Tickets. Under a causal mask tiles differ in length, and a fixed share leaves multiprocessors idle at the end. A
///   block draws its next tile when it needs one; the longest come first, in sections whose keys fit the L2 cache
///   (tile_schedule.hpp).
/// - Stores. 16 bytes per lane and no branch (vector_stores.hpp): a branch in the loop also costs its uniform
///   registers.
/// - Registers. Q as fragments (D = 128) is read from shared memory once per tile instead of once per key block.
///
/// The tickets are a counter in memory, which the last draw of a launch sets back to zero.
/// Expected of an H200 at 8k tokens: 750 TFLOP/s (D = 128), causal a fifth to a third more than overlapped. Measured
/// there, rested: 752, causal 727 (21 % more); D = 64: 543 and 518.
/// Takes what warp_specialized takes. Figures of all kernels: docs/gpu-results.md.

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/overlapped_rows.hpp"
#include "cuda/kernels/persistent.hpp"
#include "cuda/kernels/vector_stores.hpp"

namespace dra::cuda::DRA_TARGET {
cudaError_t run_balanced(const Launch& launched) {
    return with_results(launched.float_out, [&]<class Results>(Element<Results>) {
        return launch_persistent<Balanced, Overlap<RunningMaximum<VectorStores<Results>>>, DynamicTickets>(launched);
    });
}

} // namespace dra::cuda::DRA_TARGET
