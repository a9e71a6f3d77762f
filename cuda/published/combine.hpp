#pragma once
/// \file
/// What becomes of a row that was computed: stored as a partial, or combined with what its row has already.
///
/// A rule says how much of the row that is there (a) and of the new one (b) the result is made of, and its lse. Rows
/// that see nothing are (0, -inf), and nothing is ever subtracted from -inf (defect `empty-row-nan`).

#include "cuda/kernels/softmax.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// The weights of a row's outputs, out = a * out there + b * new out, and its lse.
struct CombineWeights {
    float a, b, lse;
};

/// The rule of a partial that is stored: what is there is overwritten, and not read.
struct Store {
    static constexpr bool reads = false;
    static __device__ __forceinline__ CombineWeights weights(float, float lse) { return {0, 1, lse}; }
};

/// The rule of the principled form, for lse a and b: m = max(a, b); lse = m + log(e^(a - m) + e^(b - m)); weights
/// e^(a - lse) and e^(b - lse).
struct MergeByLse {
    static constexpr bool reads = true;
    static __device__ __forceinline__ CombineWeights weights(float there, float lse) {
        if (lse == -INFINITY) return {1, 0, there};
        if (there == -INFINITY) return {0, 1, lse};
        const float merged = fmaxf(there, lse) + log1pf(expf(-fabsf(there - lse)));
        return {expf(there - merged), expf(lse - merged), merged};
    }
};

/// The rule of the published online softmax: a running maximum, both sums rescaled to it, and a division.
struct OnlineSoftmaxPath {
    static constexpr bool reads = true;
    static __device__ __forceinline__ CombineWeights weights(float there, float lse) {
        if (there == -INFINITY) return {0, 1, lse};
        const float maximum = fmaxf(there, lse);
        const float running = expf(there - maximum), added = expf(lse - maximum);
        return {running / (running + added), added / (running + added), maximum + logf(running + added)};
    }
};

} // namespace dra::cuda::DRA_TARGET::rungs
