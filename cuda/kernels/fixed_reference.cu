/// \file
/// Kernel 10, fixed_reference: the softmax without a running maximum, exact all the same.
///
/// Teaches: what the maximum is for. It keeps exp from overflowing, nothing else: sums of 2^(c s - c m) are as exact
/// for any m near the first scores as for the final maximum, because floating point is scale-free. So a tile's first
/// block (and those under the mask) set m, and the others only subtract it: 64 comparisons per lane, four shuffles, the
/// correction of O, and the wait for all that before the first exp, saved in every block.
///
/// What may go wrong is found at the end of a tile, and the tile done again with the maximum moved as ever:
/// - A sum beyond 2^64: weights of bf16 reach as far as float, so scores may lie 44 above the first block's. fp16 ends
///   at 65504, and with it the sum must: scores may lie 11 above. That is not rare in trained models, and there this
///   kernel is slower than balanced: a tile done again costs twice.
/// - An output that is infinite or not a number: values times weights beyond float.
/// A block keeps a list of such tiles, and after its last ticket the producer feeds them again. So the result is finite
/// wherever that of balanced is.
///
/// Expected of an H200 at 8k tokens: 813 TFLOP/s (D = 128). Measured there, rested: 823, causal 793; D = 64: 641 and
/// 601. FlashAttention-3 in the same run: 751, 738, 583, 551.
///
/// Takes what warp_specialized takes. Figures of all kernels: docs/gpu-results.md.

#include "cuda/kernels/fixed_reference.hpp"
#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/persistent.hpp"

namespace dra::cuda::DRA_TARGET {

cudaError_t run_fixed_reference(const Launch& launched) {
    if (launched.parameters.two_views()) return run_fixed_reference_of_shards(launched);
    return with_results(launched.float_out, [&]<class Results>(Element<Results>) {
        return launch_persistent<Balanced, FixedReference<VectorStores<Results>>, DynamicTickets>(launched);
    });
}

} // namespace dra::cuda::DRA_TARGET
