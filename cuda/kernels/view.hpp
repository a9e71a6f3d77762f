#pragma once
/// \file
/// Dilation is a stride: what one segment of one head selects, as rows of q, k, v and out that a kernel walks.
///
/// Row t lies at position first + t*r, and so r*H*D elements (r*Hkv*D in k and v) after the row before. Nothing else of
/// a kernel knows of segments, dilation, phases or grouped heads: it does dense attention on `rows` rows.
/// Queries are of the same tokens as keys; shard_view.hpp has those of other tokens.

#include "cuda/kernels/element.hpp"
#include "cuda/kernels/tile_schedule.hpp"

namespace dra::cuda::DRA_TARGET {

/// The phase o of the pattern in KV head `kv_head`.
__device__ __host__ __forceinline__ int phase_of(const Parameters& parameters, int kv_head) {
    switch (parameters.phase_rule) {
    case PhaseRule::head: return kv_head % parameters.dilation_rate;
    case PhaseRule::head_block: return kv_head / parameters.phase_block;
    default: return parameters.phase;
    }
}

/// The phase that selects position n: phases are below r, so it is n's remainder.
__device__ __forceinline__ int selecting_phase(const Parameters& parameters, int n) {
    return n % ptx::opaque(parameters.segment_length) % ptx::opaque(parameters.dilation_rate);
}

/// A matrix whose rows are contiguous in D, and `stride` elements apart.
template <class T> struct Rows {
    T* first;         ///< element 0 of row 0
    long long stride; ///< elements from a row to the next

    /// Element 0 of a row.
    __device__ __forceinline__ T* operator[](int row) const { return first + row * stride; }
};

/// Dense attention as a block sees it. `rows` may be 0: a short last segment can end before the phase.
template <class T> struct View {
    static constexpr int first_row = 0; ///< the first query's number

    int rows;        ///< selected rows, queries and keys alike
    int head_dim;    ///< D
    Rows<const T> q; // (rows, D)
    Rows<const T> k; // (rows, D)
    Rows<const T> v; // (rows, D)
    long long q_at;  ///< element of q and of out at which row 0 begins; the rows of out are q.stride apart, too
    long long kv_at; ///< element of k and of v at which row 0 begins
    float* lse;      ///< lse of row 0
    int lse_stride;  ///< elements of lse from a row to the next
    bool causal;     ///< a row sees no key of a later position

    /// The view whose query tile `work` is, in the tensors of `parameters`.
    static __device__ __forceinline__ View of(const Parameters& parameters, const WorkTile& work);

    __device__ __forceinline__ int keys() const { return rows; }

    /// The number of keys that query row i sees: the first so many. Queries and keys have the same first position and
    /// the same stride, so position j <= position i is index j <= index i. With different strides it would not be.
    __device__ __forceinline__ int extent(int i) const { return causal && i < rows ? i + 1 : rows; }

    /// The number of keys that some row of [first, first + count) sees. The tiles after them are never loaded.
    __device__ __forceinline__ int extent_of_tile(int first, int count) const { return extent(first + count - 1); }
};

/// Tells the emulator's counters how many pairs of a tile are visible: rows [first_row, first_row + ROWS), one per
/// lane, times keys [first_key, first_key + KEYS). Of the view only `extent` is asked for; its queries end
/// before number `end`.
template <int ROWS, int KEYS, class V>
__device__ __forceinline__ void count_visible(const V& view, int first_row, int first_key, int end) {
    const int lane = static_cast<int>(threadIdx.x) & 31, row = first_row + lane;
    if (lane >= ROWS || row >= end) return;
    const int seen = view.extent(row) - first_key;
    count_pairs(seen < 0 ? 0 : seen < KEYS ? seen : KEYS);
}
template <int ROWS, int KEYS, class V>
__device__ __forceinline__ void count_visible(const V& view, int first_row, int first_key) {
    count_visible<ROWS, KEYS>(view, first_row, first_key, view.rows);
}

template <class T> __device__ __forceinline__ View<T> View<T>::of(const Parameters& parameters, const WorkTile& work) {
    const long long D = parameters.head_dim, r = parameters.dilation_rate, H = parameters.heads,
                    Hkv = parameters.kv_heads;
    const int begin = work.segment * parameters.segment_length;
    const int left = parameters.tokens - begin;
    const int length = left < parameters.segment_length ? left : parameters.segment_length;
    const int phase = phase_of(parameters, work.kv_head);
    const int rows = length > phase ? (length - phase + parameters.dilation_rate - 1) / parameters.dilation_rate : 0;

    const long long position = static_cast<long long>(work.batch) * parameters.tokens + begin + phase;
    const long long q_at = (position * H + work.head) * D, kv_at = (position * Hkv + work.kv_head) * D;
    const long long lse_at = (work.batch * H + work.head) * parameters.tokens + begin + phase;
    return {rows,
            parameters.head_dim,
            {static_cast<const T*>(parameters.q) + q_at, r * H * D},
            {static_cast<const T*>(parameters.k) + kv_at, r * Hkv * D},
            {static_cast<const T*>(parameters.v) + kv_at, r * Hkv * D},
            q_at,
            kv_at,
            parameters.lse + lse_at,
            parameters.dilation_rate,
            parameters.causal != 0};
}

} // namespace dra::cuda::DRA_TARGET
