#pragma once
/// \file
/// Where a warp stands in a circle of N stages, which a producer fills and consumers empty in turn.
///
/// Every warp walks the stages for itself and meets the others at a stage's mbarriers. Their phase flips on every lap:
/// a consumer waits for `full` with the lap's parity, the producer for `empty` with the other one, which a fresh
/// barrier lets pass.

#include "cuda/simt/device.hpp"

namespace dra::cuda::DRA_TARGET {

/// A stage, and the lap on which it is reached. CUTLASS has the same word for it.
template <int N> struct PipelineState {
    int stage = 0;       ///< number of the stage, 0 <= stage < N
    unsigned parity = 0; ///< parity of the lap, 0 on the first

    /// Goes on to the next stage.
    __device__ __forceinline__ void next() {
        if (++stage == N) {
            stage = 0;
            parity ^= 1;
        }
    }
    /// The state one stage before this one.
    __device__ __forceinline__ PipelineState before() const {
        PipelineState earlier = *this;
        if (earlier.stage-- == 0) {
            earlier.stage = N - 1;
            earlier.parity ^= 1;
        }
        return earlier;
    }
    /// The state one stage after this one.
    __device__ __forceinline__ PipelineState after() const {
        PipelineState further = *this;
        further.next();
        return further;
    }
};

} // namespace dra::cuda::DRA_TARGET
