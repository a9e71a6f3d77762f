#pragma once
/// \file
/// The end of a tile without a branch: 16-byte stores of whole sectors, predicated.
///
/// A lane holds two neighbouring columns of every 8-column block of a row, 4 bytes; its quad (the 4 lanes of a row)
/// holds 16. Four blocks at a time, the quad transposes its 4 x 4 words with four shuffles, after which a lane has a whole
/// block, 16 bytes, and the quad's stores fill two 32-byte sectors.

#include "cuda/kernels/warpgroup_rows.hpp"

namespace dra::cuda::DRA_TARGET {

/// Makes words[e] of lane l words[l] of lane e, within each quad.
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
    float largest_sum;   ///< the larger sum of weights of its two rows
    std::uint32_t wrong; ///< not 0: some result was infinite or not a number
};

/// Where a row of a tile goes.
struct RowPlace {
    int row;          ///< its number in the view
    bool there;       ///< the view has it
    unsigned out_row; ///< its row of out, counted over [B, N, H]
    unsigned lse;     ///< its element of lse
};

/// What a row's results are made of.
struct RowEnd {
    float factor; ///< out is o times this
    float lse;    ///< the row's lse
};

/// Results in the type of q, as they are.
struct InType {
    /// The task of the tile in this slot.
    static __device__ __forceinline__ int task(const int4* slot) { return shared_load(slot + 1).y; }

    /// What becomes of the lane's two rows before they are stored; the view has its first row's lse at `lse`.
    template <class T, class P> static __device__ __forceinline__ void finish(WarpgroupRows<T, P>&, unsigned,
                                                                              const RowPlace (&)[2], RowEnd (&)[2]) {}

    /// Stores row i of the lane. What it returns is 0 where `wrong` was and every result of the row is finite.
    template <class T, class P>
    static __device__ __forceinline__ std::uint32_t store(const WarpgroupRows<T, P>& rows, int i,
                                                          const Parameters& parameters, const RowPlace& place,
                                                          float factor, std::uint32_t wrong) {
        const int column = 4 * lane_place().column;
        T* const out =
            static_cast<T*>(parameters.out) + static_cast<long long>(place.out_row) * parameters.head_dim + column;
        DRA_UNROLLED for (int n = 0; n < P::D / 8; n += 4) {
            std::uint32_t words[4];
            DRA_UNROLLED for (int e = 0; e < 4; ++e) {
                words[e] = ptx::pack<T>(rows.o[n + e][2 * i] * factor, rows.o[n + e][2 * i + 1] * factor);
                wrong = ptx::probe<T>(wrong, words[e]);
            }
            transpose_quad(words);
            ptx::store_if(place.there && 8 * n + column < parameters.head_dim, reinterpret_cast<uint4*>(out + 8 * n),
                          make_uint4(words[0], words[1], words[2], words[3]));
        }
        return wrong;
    }
};

/// Results in float, which fill their sectors as they lie in the fragments.
struct InFloat : InType {
    /// Stores row i of the lane; what it returns is InType's.
    template <class T, class P>
    static __device__ __forceinline__ std::uint32_t store(const WarpgroupRows<T, P>& rows, int i,
                                                          const Parameters& parameters, const RowPlace& place,
                                                          float factor, std::uint32_t wrong) {
        float* const out = static_cast<float*>(parameters.out) +
                           static_cast<long long>(place.out_row) * parameters.head_dim + lane_place().column;
        DRA_UNROLLED for (int n = 0; n < P::D / 8; ++n) {
            const float2 pair = make_float2(rows.o[n][2 * i] * factor, rows.o[n][2 * i + 1] * factor);
            wrong = ptx::probe<T>(wrong, ptx::pack<T>(pair.x, pair.y));
            ptx::store_if(place.there && 8 * n < parameters.head_dim, reinterpret_cast<float2*>(out + 8 * n), pair);
        }
        return wrong;
    }
};

/// The end of a tile: divides, and writes out and lse. `Results` says in which type, and what else a row is made of.
template <class Results> struct VectorStores {
    template <class T, class P>
    static __device__ __forceinline__ Stored store(WarpgroupRows<T, P>& rows, const int4* slot, const float (&shift)[2],
                                                   const float (&sum)[2]) {
        const int4 tile = shared_load(slot);
        const Parameters& parameters = rows.tasks.at(Results::task(slot)).parameters;
        const unsigned apart = static_cast<unsigned>(parameters.dilation_rate);
        const Lane lane = lane_place();
        const int rows_end = rows.end_of_rows(slot, tile.y);
        Stored stored{0, 0};
        RowPlace place[2];
        RowEnd end[2];
        DRA_UNROLLED for (int i = 0; i < 2; ++i) {
            const float total = across_row(sum[i], [](float x, float y) { return x + y; });
            stored.largest_sum = fmaxf(stored.largest_sum, total);
            const int row = tile.x + 16 * warp_index() + lane.row + 8 * i;
            place[i] = {row, row < rows_end,
                        static_cast<unsigned>(tile.z) + static_cast<unsigned>(row * parameters.heads) * apart,
                        static_cast<unsigned>(tile.w) + static_cast<unsigned>(row) * apart};
            end[i] = {ptx::reciprocal_approximate(total), shift[i] * fabsf(parameters.softmax_scale) + __logf(total)};
        }
        Results::finish(rows, static_cast<unsigned>(tile.w), place, end);
        DRA_UNROLLED for (int i = 0; i < 2; ++i)
            ptx::store_if(place[i].there && lane.column == 0, parameters.lse + place[i].lse, end[i].lse);
        DRA_UNROLLED for (int i = 0; i < 2; ++i) stored.wrong =
            Results::store(rows, i, parameters, place[i], end[i].factor, stored.wrong);
        return stored;
    }
};

/// Calls f(Element<InFloat>{}) where results leave as float, else f(Element<InType>{}).
template <class F> cudaError_t with_results(bool as_float, F f) {
    return as_float ? f(Element<InFloat>{}) : f(Element<InType>{});
}

} // namespace dra::cuda::DRA_TARGET
