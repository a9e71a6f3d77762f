#pragma once
/// \file
/// How results leave: out in the type, or in float when it is a partial of a mixture; lse always in float.

#include "cuda/kernels/fragment.hpp"
#include "cuda/kernels/view.hpp"

namespace dra::cuda::DRA_TARGET {

/// Where out goes, and in which type.
struct Output {
    void* out;     ///< element 0 of [B, N, H, D]
    bool as_float; ///< out is float, whatever the type of q, k and v
};

/// Stores one element, for the kernels that work on one at a time.
template <class T> __device__ __forceinline__ void store_element(const Output& output, long long at, float x) {
    if (output.as_float)
        store(static_cast<float*>(output.out) + at, x);
    else
        store(static_cast<T*>(output.out) + at, from_float<T>(x));
}

/// Stores 16 rows from `first_row` on, as a warp's accumulators hold them, two neighbouring columns at a time: four
/// lanes write 16 bytes of a row (32 as float), so half of every 32-byte sector of a 16-bit out goes through the cache
/// twice.
template <class T, int N> __device__ __forceinline__ void store_fragments(const View<T>& view, const Output& output,
                                                                          int first_row, const float (&o)[N][4]) {
    const Lane lane = lane_place();
    DRA_UNROLLED for (int i = 0; i < 2; ++i) {
        const int row = first_row + lane.row + 8 * i;
        if (row >= view.rows) continue;
        const long long at = view.q_at + row * view.q.stride + lane.column;
        DRA_UNROLLED for (int n = 0; n < N; ++n) {
            if (8 * n >= view.head_dim) continue;
            const float low = o[n][2 * i], high = o[n][2 * i + 1];
            if (output.as_float)
                store(reinterpret_cast<float2*>(static_cast<float*>(output.out) + at + 8 * n), make_float2(low, high));
            else
                store(reinterpret_cast<std::uint32_t*>(static_cast<T*>(output.out) + at + 8 * n),
                      ptx::pack<T>(low, high));
        }
    }
}

/// Stores lse of the lane's two rows; the first of a row's four lanes writes it.
template <class T>
__device__ __forceinline__ void store_lse(const View<T>& view, int first_row, const float (&lse)[2]) {
    const Lane lane = lane_place();
    DRA_UNROLLED for (int i = 0; i < 2; ++i) {
        const int row = first_row + lane.row + 8 * i;
        if (row < view.rows && lane.column == 0)
            store(view.lse + static_cast<long long>(row) * view.lse_stride, lse[i]);
    }
}

} // namespace dra::cuda::DRA_TARGET
