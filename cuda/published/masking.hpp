#pragma once
/// \file
/// Who sees whom, fix 1's part of the kernel: one extent per row, or a dense mask read from global memory.
///
/// A Masking says how many keys a tile of rows has to visit, whether a tile of keys is seen by all of them, and which
/// scores of a lane's two rows are hidden. Both judge original positions; repeats of keys are seen by nobody.

#include "cuda/kernels/softmax.hpp"
#include "cuda/published/attend_call.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// extent(i) = clamp(floor((q_i - k_0) / r) + 1, 0, keys), q_i = q_0 + (i mod queries) r: one subtraction and one
/// division per row.
struct Extents {
    int extent[2]; ///< the extents of the lane's two rows

    /// The extent of row i of a view.
    static __device__ __host__ __forceinline__ int of(const AttendCall& call, const SegmentView& view, int i) {
        if (!call.pattern.causal || view.keys == 0) return view.keys;
        const int r = call.pattern.dilation_rate;
        const int ahead = view.first_query + i % view.queries * r - view.first_key - call.key_shift;
        const int seen = ahead < 0 ? 0 : ahead / r + 1;
        return seen < view.keys ? seen : view.keys;
    }

    /// The number of keys that rows up to `last` visit: where rows are gathered all, as it was published.
    static __device__ __host__ __forceinline__ int visited(const AttendCall& call, const SegmentView& view, int last) {
        return call.repeated ? view.k.count : of(call, view, last);
    }

    __device__ __forceinline__ Extents(const AttendCall& call, const BlockOfCall& block, const int (&row)[2])
        : extent{of(call, block.view, row[0]), of(call, block.view, row[1])} {}

    /// Hides keys of the tile that begins at `first_key`.
    template <int N> __device__ __forceinline__ void hide(float (&s)[N][4], int first_key) const {
        hide_keys(s, first_key, extent);
    }

    /// Whether every key before `end` is seen by every row from first_row on. Rows see more the later they are, unless
    /// they are repeated: then every tile is compared.
    static __device__ __forceinline__ bool full(const AttendCall& call, const SegmentView& view, int first_row,
                                                int end) {
        return !call.repeated && end <= of(call, view, first_row);
    }
};

/// mask[query position, key position - chunk begin] != 0: one byte from global memory per score, and n^2 bytes per
/// head.
struct DenseMask {
    const unsigned char* row[2]; ///< the mask's rows of the lane's two rows, from the segment's first key on
    int key_apart;               ///< elements of the mask from a key to the next
    int keys;                    ///< the number of genuine keys; those after them are repeats

    static __device__ __host__ __forceinline__ int visited(const AttendCall&, const SegmentView& view, int) {
        return view.k.count;
    }
    static __device__ __forceinline__ bool full(const AttendCall&, const SegmentView&, int, int) { return false; }

    __device__ __forceinline__ DenseMask(const AttendCall& call, const BlockOfCall& block, const int (&rows)[2])
        : key_apart(call.pattern.dilation_rate), keys(block.view.keys) {
        const SegmentView& view = block.view;
        DRA_UNROLLED for (int i = 0; i < 2; ++i) {
            const long long query = view.first_query + rows[i] % view.queries * call.pattern.dilation_rate;
            row[i] = call.mask + query * call.chunk.size() + (view.first_key - call.chunk.begin);
        }
    }

    template <int N> __device__ __forceinline__ void hide(float (&s)[N][4], int first_key) const {
        const int column = first_key + lane_place().column;
        DRA_UNROLLED for (int n = 0; n < N; ++n) DRA_UNROLLED for (int e = 0; e < 4; ++e) {
            const int key = column + 8 * n + e % 2;
            if (key >= keys || load(row[e / 2] + static_cast<long long>(key) * key_apart) == 0) s[n][e] = -INFINITY;
        }
    }
};

/// Calls f(Element<Masking>{}) with what the call asks for.
template <class F> auto with_masking(const AttendCall& call, F f) {
    return call.mask ? f(Element<DenseMask>{}) : f(Element<Extents>{});
}

} // namespace dra::cuda::DRA_TARGET::rungs
