/// \file
/// Kernel 8, overlapped: the next scores are under way while a warpgroup exponentiates.
///
/// Teaches: asynchrony within one warpgroup. In warp_specialized a warpgroup asks for a product and waits; that the
/// tensor core is busy meanwhile is up to the others. Here it asks for the next scores and for this block's values
/// together, and takes the softmax of the one while the other is computed (overlapped_rows.hpp). A tile ends under the
/// next tile's first product. Three warpgroups (D = 64) take turns in asking, which keeps their softmaxes apart.
///
/// Price: scores, weights and outputs live at the same time, 64 + 32 + 64 registers of 224 (D = 128).
/// Expected of an H200 at 8k tokens: 710 TFLOP/s (D = 128). Measured there, rested: 717, causal 595. D = 64: 526 and
/// 474, no gain: three warpgroups overlapped already.
///
/// Takes what warp_specialized takes. Figures of all kernels: docs/gpu-results.md.

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/overlapped_rows.hpp"
#include "cuda/kernels/persistent.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

template <int D, int WARPGROUPS> using Overlapped = Pipeline<D, WARPGROUPS, 2, false>;

/// The end of a tile that stores fragment by fragment.
struct StoredByFragments {
    template <class T, class P> static __device__ __forceinline__ void
    store(WarpgroupRows<T, P>& rows, const int4* slot, const float (&shift)[2], const float (&sum)[2]) {
        store_by_fragments(rows, slot, shift, sum);
    }
};

} // namespace

cudaError_t run_overlapped(const Launch& launched) {
    return launch_persistent<Overlapped, Overlap<RunningMaximum<StoredByFragments>>, StaticTickets>(launched);
}

} // namespace dra::cuda::DRA_TARGET
