#pragma once
/// \file
/// A mixture's partial, as one launch leaves it for another that merges it: in float, with a row's channels in the
/// order in which a quad's lanes hold them. Then a lane has 16 bytes of every 16 channels, and the quad 64 in a piece;
/// in their natural order a lane would have twice 8, and the memory twice the requests.
///
///     channel 8 e + 2 t + c of a group of 16 lies at 4 t + 2 e + c        e, c in {0, 1}, t in {0, 1, 2, 3}

#include "cuda/kernels/vector_stores.hpp"

namespace dra::cuda::DRA_TARGET {

/// Where a lane's part of a partial's row begins: 4 floats, and 4 more every 16 floats.
__device__ __forceinline__ float* partial_of_lane(const Parameters& parameters, const RowPlace& place) {
    return static_cast<float*>(parameters.out) +
           static_cast<long long>(place.out_row) * partial_channels(parameters.head_dim) + 2 * lane_place().column;
}

/// Results in float, in the order of a partial, which another launch will merge.
struct AsPartial : InType {
    /// Stores row i of the lane; what it returns is InType's.
    template <class T, class P>
    static __device__ __forceinline__ std::uint32_t store(const WarpgroupRows<T, P>& rows, int i,
                                                          const Parameters& parameters, const RowPlace& place,
                                                          float factor, std::uint32_t wrong) {
        float* const out = partial_of_lane(parameters, place);
        DRA_UNROLLED for (int n = 0; n < P::D / 8; n += 2) {
            const float4 x = make_float4(rows.o[n][2 * i] * factor, rows.o[n][2 * i + 1] * factor,
                                         rows.o[n + 1][2 * i] * factor, rows.o[n + 1][2 * i + 1] * factor);
            wrong = ptx::probe<T>(ptx::probe<T>(wrong, ptx::pack<T>(x.x, x.y)), ptx::pack<T>(x.z, x.w));
            ptx::store_if(place.there && 8 * n < parameters.head_dim, reinterpret_cast<float4*>(out + 8 * n), x);
        }
        return wrong;
    }
};

} // namespace dra::cuda::DRA_TARGET
