#pragma once
/// \file
/// Queries and keys as two views: what a segment selects where q holds other tokens of the sequence than k and v.
///
/// So it is in a step of a ring. A segment's queries and keys have one phase and one stride, and can be numbered alike:
/// key j has number j, and the query at its position has that number, too. A query's number alone then says which keys
/// it sees,
///
///     extent(i) = min(i + 1, keys) under the causal mask, else keys
///
/// as where both are of the same tokens, and all that a kernel must know besides is where the queries' numbers begin
/// and end. Without the mask they begin at 0, wherever the queries lie. A query that sees no key has no number: no
/// kernel computes it, so that no softmax has to guard against a row without keys, and clear_rows() writes its (0,
/// -inf).

#include "cuda/kernels/view.hpp"

namespace dra::cuda::DRA_TARGET {

/// What a segment selects of the tokens that a tensor holds.
struct SelectedRows {
    int before; ///< rows that it selects before them
    int first;  ///< token of the tensor; every r-th follows
    int count;
};

/// The tensor holds `tokens` tokens from position `first_token` on; the segment begins at position `begin`.
__device__ __forceinline__ SelectedRows selected_rows(const Parameters& parameters, int begin, int phase,
                                                      int first_token, int tokens) {
    const int r = ptx::opaque(parameters.dilation_rate);
    const int first = begin - first_token, left = tokens - first; // the segment may begin before the tensor
    const int end = first + (left < parameters.segment_length ? left : parameters.segment_length);
    SelectedRows rows{0, first + phase, 0};
    if (rows.first < 0) {
        rows.before = (r - 1 - rows.first) / r;
        rows.first += rows.before * r;
    }
    if (rows.first < end) rows.count = (end - rows.first + r - 1) / r;
    return rows;
}

/// A segment's queries and keys, numbered alike.
struct NumberedRows {
    int first, end; ///< the numbers of the queries; there is none where end <= first
    int keys;       ///< their numbers begin at 0
    int q_token; ///< token of q at which number 0 lies, or would lie, before the tensor; r tokens further lies the next
    int k_token; ///< token of k and v at which number 0 lies
};

/// The work's segment is counted from the first that has a token of q.
__device__ __forceinline__ NumberedRows numbered_rows(const Parameters& parameters, const WorkTile& work) {
    const int w = parameters.segment_length, begin = (parameters.first_token / ptx::opaque(w) + work.segment) * w,
              phase = phase_of(parameters, work.kv_head);
    const SelectedRows queries = selected_rows(parameters, begin, phase, parameters.first_token, parameters.tokens),
                       keys =
                           selected_rows(parameters, begin, phase, parameters.first_key_token, parameters.key_tokens);
    const int shift = parameters.causal ? queries.before - keys.before : 0; // the first query's number
    return {shift > 0 ? shift : 0, keys.count > 0 ? shift + queries.count : 0, keys.count,
            queries.first - shift * parameters.dilation_rate, keys.first};
}

/// Whether a query sees any key. The query's position is one that is selected.
__device__ __forceinline__ bool sees_a_key(const Parameters& parameters, int position) {
    const int in_segment = position % ptx::opaque(parameters.segment_length),
              phase = in_segment % ptx::opaque(parameters.dilation_rate),
              row = in_segment / ptx::opaque(parameters.dilation_rate);
    const SelectedRows keys =
        selected_rows(parameters, position - in_segment, phase, parameters.first_key_token, parameters.key_tokens);
    return keys.count > 0 && (!parameters.causal || row >= keys.before);
}

/// Dense attention of queries over keys of other tokens, as a block sees it. What a View calls a row is a query here,
/// by its number, and `rows` is where these end.
template <class T> struct ShardView : View<T> {
    int first_row;  ///< the first query's number
    int keys_count; ///< keys, the first of which has number 0

    static __device__ __forceinline__ ShardView of(const Parameters& parameters, const WorkTile& work);

    __device__ __forceinline__ int keys() const { return keys_count; }
    __device__ __forceinline__ int extent(int i) const { return this->causal && i < keys_count ? i + 1 : keys_count; }
    __device__ __forceinline__ int extent_of_tile(int first, int count) const { return extent(first + count - 1); }
};

template <class T>
__device__ __forceinline__ ShardView<T> ShardView<T>::of(const Parameters& parameters, const WorkTile& work) {
    const long long D = parameters.head_dim, r = parameters.dilation_rate, H = parameters.heads,
                    Hkv = parameters.kv_heads, b = work.batch;
    const NumberedRows numbered = numbered_rows(parameters, work);
    const long long q_at = ((b * parameters.tokens + numbered.q_token) * H + work.head) * D,
                    kv_at = ((b * parameters.key_tokens + numbered.k_token) * Hkv + work.kv_head) * D,
                    lse_at = (b * H + work.head) * parameters.tokens + numbered.q_token;
    return {{numbered.end,
             parameters.head_dim,
             {static_cast<const T*>(parameters.q) + q_at, r * H * D},
             {static_cast<const T*>(parameters.k) + kv_at, r * Hkv * D},
             {static_cast<const T*>(parameters.v) + kv_at, r * Hkv * D},
             q_at,
             kv_at,
             parameters.lse + lse_at,
             parameters.dilation_rate,
             parameters.causal != 0},
            numbered.first,
            numbered.keys};
}

} // namespace dra::cuda::DRA_TARGET
