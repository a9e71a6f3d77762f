#pragma once
/// \file
/// The end of a tile without a branch: 16-byte stores of whole sectors, predicated.
///
/// A lane holds two neighbouring columns of every 8-column block of a row, 4 bytes; its quad (the 4 lanes of a row) holds
/// 16. Four blocks at a time, the quad transposes its 4 x 4 words with four shuffles, after which a lane has a whole block,
/// 16 bytes, and the quad's stores fill two 32-byte sectors.

#include "cuda/kernels/warpgroup_rows.hpp"

namespace dra::cuda::DRA_TARGET {

/// words[e] of lane l becomes words[l] of lane e, within each quad.
__device__ __forceinline__ void transpose_quad(std::uint32_t (&words)[4]) {
    const bool odd = lane_index() & 1, upper = lane_index() & 2;
    std::uint32_t a = __shfl_xor_sync(~0u, odd ? words[0] : words[1], 1);
    std::uint32_t b = __shfl_xor_sync(~0u, odd ? words[2] : words[3], 1);
    words[0] = odd ? a : words[0];
    words[1] = odd ? words[1] : a;
    words[2] = odd ? b : words[2];
    words[3] = odd ? words[3] : b;
    a = __shfl_xor_sync(~0u, upper ? words[0] : words[2], 2);
    b = __shfl_xor_sync(~0u, upper ? words[1] : words[3], 2);
    words[0] = upper ? a : words[0];
    words[2] = upper ? words[2] : a;
    words[1] = upper ? b : words[1];
    words[3] = upper ? words[3] : b;
}

/// What a lane has seen of a tile's results while it stored them.
struct Stored {
    float largest_sum;   ///< of its two rows
    std::uint32_t wrong; ///< not 0: something was infinite or not a number
};

/// Divides, and writes out and lse of a tile. A partial in float fills its sectors as it lies in the fragments.
template <class T, class P> __device__ __forceinline__ Stored store_wide(WarpgroupRows<T, P>& rows, const int4* slot,
                                                                         const float (&reference)[2],
                                                                         const float (&sum)[2]) {
    const int4 tile = shared_load(slot);
    const Parameters& parameters = rows.tasks.at(shared_load(slot + 1).y).parameters;
    const Lane lane = lane_place();
    const unsigned apart = static_cast<unsigned>(parameters.dilation_rate);
    Stored stored{0, 0};
    DRA_UNROLLED for (int i = 0; i < 2; ++i) {
        const float total = across_row(sum[i], [](float x, float y) { return x + y; });
        const float inverse = ptx::reciprocal_approximate(total);
        stored.largest_sum = fmaxf(stored.largest_sum, total);
        const int row = tile.x + 16 * warp_index() + lane.row + 8 * i;
        const bool there = row < tile.y;
        const unsigned out_row = static_cast<unsigned>(tile.z) + static_cast<unsigned>(row * parameters.heads) * apart;
        const long long at = static_cast<long long>(out_row) * parameters.head_dim;
        if (rows.tasks.float_out) {
            float* const out = static_cast<float*>(parameters.out) + at + lane.column;
            DRA_UNROLLED for (int n = 0; n < P::D / 8; ++n) {
                const float2 pair = make_float2(rows.o[n][2 * i] * inverse, rows.o[n][2 * i + 1] * inverse);
                stored.wrong = ptx::probe<T>(stored.wrong, ptx::pack<T>(pair.x, pair.y));
                ptx::store_if(there && 8 * n < parameters.head_dim, reinterpret_cast<float2*>(out + 8 * n), pair);
            }
        } else {
            T* const out = static_cast<T*>(parameters.out) + at + 4 * lane.column;
            DRA_UNROLLED for (int n = 0; n < P::D / 8; n += 4) {
                std::uint32_t words[4];
                DRA_UNROLLED for (int e = 0; e < 4; ++e) {
                    words[e] = ptx::pack<T>(rows.o[n + e][2 * i] * inverse, rows.o[n + e][2 * i + 1] * inverse);
                    stored.wrong = ptx::probe<T>(stored.wrong, words[e]);
                }
                transpose_quad(words);
                ptx::store_if(there && 8 * n + 4 * lane.column < parameters.head_dim,
                              reinterpret_cast<uint4*>(out + 8 * n),
                              make_uint4(words[0], words[1], words[2], words[3]));
            }
        }
        const float lse = reference[i] * fabsf(parameters.softmax_scale) + __logf(total);
        ptx::store_if(there && lane.column == 0,
                      parameters.lse + (static_cast<unsigned>(tile.w) + static_cast<unsigned>(row) * apart), lse);
    }
    return stored;
}

struct StoredWide {
    template <class T, class P>
    static __device__ __forceinline__ Stored store(WarpgroupRows<T, P>& rows, const int4* slot,
                                                   const float (&reference)[2], const float (&sum)[2]) {
        return store_wide(rows, slot, reference, sum);
    }
};

} // namespace dra::cuda::DRA_TARGET
