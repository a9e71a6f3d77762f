#pragma once
/// \file
/// Dilation is a stride: what one segment of one head selects, as rows of q, k, v and out that a kernel walks.
///
/// A row lies r positions, and so r*H*D elements (r*Hkv*D in k and v), after the one before. Nothing else of a kernel knows of
/// segments, dilation, phases, grouped heads or which tokens a tensor holds: it does dense attention of `rows` queries over
/// `keys` keys. Of row a of the segment's queries and row b of its keys, counted from its first selected position, the one sees
/// the other where b <= a; with a_0 and b_0 of the first that the tensors hold,
///
///     extent(i) = clamp(i + shift, 0, keys),    shift = a_0 - b_0 + 1
///
/// Both are of one segment and have one phase and one stride, so that nothing is rounded. Where the tensors hold the same tokens
/// shift is 1, and every row sees a key; else it may be anything, and a row that sees none becomes (0, -inf).

#include "cuda/kernels/element.hpp"
#include "cuda/kernels/schedule.hpp"

namespace dra::cuda::DRA_TARGET {

/// The phase o of the pattern in KV head g.
__device__ __host__ __forceinline__ int phase_of(const Parameters& parameters, int kv_head) {
    switch (parameters.phase_rule) {
    case PhaseRule::head: return kv_head % parameters.dilation_rate;
    case PhaseRule::head_block: return kv_head / parameters.phase_block;
    default: return parameters.phase;
    }
}

/// The phase that selects token n of q: phases are below r, so it is its position's remainder.
__device__ __forceinline__ int selecting_phase(const Parameters& parameters, int n) {
    return (parameters.first_token + n) % ptx::opaque(parameters.segment_length) %
           ptx::opaque(parameters.dilation_rate);
}

/// A matrix whose rows are `stride` elements apart, contiguous in D.
template <class T> struct Rows {
    T* first;
    long long stride;

    __device__ __forceinline__ T* operator[](int row) const { return first + row * stride; }
};

/// The rows that a segment selects of the tokens that a tensor holds.
struct SelectedRows {
    int first;  ///< token of the tensor; every r-th follows
    int before; ///< that the segment selects before it, of tokens that the tensor does not hold
    int count;
};

/// Of a tensor of `tokens` tokens, of which the first is the sequence's first_token.
__device__ __forceinline__ SelectedRows selected_rows(const Parameters& parameters, int segment, int phase,
                                                      int first_token, int tokens) {
    const int r = ptx::opaque(parameters.dilation_rate);
    const int begin = segment * parameters.segment_length - first_token; // may lie before the tensor
    const int left = tokens - begin, length = left < parameters.segment_length ? left : parameters.segment_length;
    const int end = begin + length;
    SelectedRows rows{begin + phase, 0, 0};
    if (rows.first < 0) {
        rows.before = (r - 1 - rows.first) / r;
        rows.first += rows.before * r;
    }
    if (rows.first < end) rows.count = (end - rows.first + r - 1) / r;
    return rows;
}

/// The phase of such rows in the part of the tensor that their segment is; a tensor may begin amid it.
__device__ __forceinline__ int phase_in_part(const Parameters& parameters, int segment, int first_token,
                                             const SelectedRows& rows) {
    const int begin = segment * parameters.segment_length - first_token;
    return begin > 0 ? rows.first - begin : rows.first;
}

constexpr int sees_all = 1 << 30; ///< a shift without a mask; larger than any size, and two of them still fit

/// Keys that row i sees: the first so many.
__device__ __forceinline__ int visible_keys(int i, int shift, int keys) {
    const int seen = i + shift < keys ? i + shift : keys;
    return seen > 0 ? seen : 0;
}

/// Where the queries begin among the keys.
__device__ __forceinline__ int shift_of(const Parameters& parameters, const SelectedRows& queries,
                                        const SelectedRows& keys) {
    return parameters.causal ? queries.before - keys.before + 1 : sees_all;
}

/// Dense attention as a block sees it. `rows` may be 0: a short last segment can end before the phase. So may `keys`.
template <class T> struct View {
    int rows;        ///< queries
    int keys;        ///< that some query sees: the first so many of the segment's
    int shift;       ///< row i sees the first i + shift of them
    int head_dim;    ///< D
    Rows<const T> q; // (rows, D)
    Rows<const T> k; // (keys, D)
    Rows<const T> v; // (keys, D)
    long long q_at;  ///< element of q and of out at which row 0 begins; the rows of out are q.stride apart, too
    long long kv_at; ///< element of k and of v at which row 0 begins
    float* lse;      ///< of row 0
    int lse_stride;

    /// Keys that query row i sees: the first so many. Grows with i.
    __device__ __forceinline__ int extent(int i) const { return visible_keys(i, shift, keys); }

    /// Keys that some row of [first, first + count) sees. The tiles after them are never loaded.
    __device__ __forceinline__ int extent_of_tile(int first, int count) const { return extent(first + count - 1); }
};

/// Tells the emulator's counters which pairs of a tile are visible: rows [first_row, first_row + ROWS), one a lane, of keys
/// [first_key, first_key + KEYS). Of the view only `rows` and `extent` are asked for.
template <int ROWS, int KEYS, class V>
__device__ __forceinline__ void count_visible(const V& view, int first_row, int first_key) {
    const int lane = static_cast<int>(threadIdx.x) & 31, row = first_row + lane;
    if (lane >= ROWS || row >= view.rows) return;
    const int seen = view.extent(row) - first_key;
    count_pairs(seen < 0 ? 0 : seen < KEYS ? seen : KEYS);
}

template <class T> __device__ __forceinline__ View<T> view_of(const Parameters& parameters, const Work& work) {
    const long long D = parameters.head_dim, r = parameters.dilation_rate, H = parameters.heads,
                    Hkv = parameters.kv_heads;
    const int phase = phase_of(parameters, work.kv_head);
    const SelectedRows queries =
                           selected_rows(parameters, work.segment, phase, parameters.first_token, parameters.tokens),
                       keys = selected_rows(parameters, work.segment, phase, parameters.first_key_token,
                                            parameters.key_tokens);
    const int shift = shift_of(parameters, queries, keys);

    const long long q_row = static_cast<long long>(work.batch) * parameters.tokens + queries.first,
                    kv_row = static_cast<long long>(work.batch) * parameters.key_tokens + keys.first;
    const long long q_at = (q_row * H + work.head) * D, kv_at = (kv_row * Hkv + work.kv_head) * D;
    const long long lse_at = (work.batch * H + work.head) * parameters.tokens + queries.first;
    return {queries.count,
            visible_keys(queries.count - 1, shift, keys.count),
            shift,
            parameters.head_dim,
            {static_cast<const T*>(parameters.q) + q_at, r * H * D},
            {static_cast<const T*>(parameters.k) + kv_at, r * Hkv * D},
            {static_cast<const T*>(parameters.v) + kv_at, r * Hkv * D},
            q_at,
            kv_at,
            parameters.lse + lse_at,
            parameters.dilation_rate};
}

} // namespace dra::cuda::DRA_TARGET
