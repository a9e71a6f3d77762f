#pragma once
/// \file
/// A place in a ring of stages that a producer fills and consumers empty, one after the other.
///
/// Everybody walks the ring for himself and meets the others at the stage's mbarriers. Their phase flips on every lap: a
/// consumer waits for `full` with the lap's parity, the producer for `empty` with the other one, which a fresh barrier lets
/// pass.

#include "cuda/simt/device.hpp"

namespace dra::cuda::DRA_TARGET {

template <int N> struct PipelineState {
    int stage = 0;
    unsigned parity = 0; ///< of the lap

    __device__ __forceinline__ void next() {
        if (++stage == N) {
            stage = 0;
            parity ^= 1;
        }
    }
    __device__ __forceinline__ PipelineState before() const {
        PipelineState earlier = *this;
        if (earlier.stage-- == 0) {
            earlier.stage = N - 1;
            earlier.parity ^= 1;
        }
        return earlier;
    }
    __device__ __forceinline__ PipelineState after() const {
        PipelineState further = *this;
        further.next();
        return further;
    }
};

} // namespace dra::cuda::DRA_TARGET
