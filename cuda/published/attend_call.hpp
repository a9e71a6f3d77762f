#pragma once
/// \file
/// One attention call of the pipeline on a device: the rows of every segment that touches a chunk, for all batches and
/// the heads of one pattern, against the keys that the chunk has of the segment.
///
/// Fixes 1 and 2 say what a call is made of (mask, repeated rows), fixes 3 and 4 how it is computed. All rungs are the
/// same kernel over the views that are defined here.

#include "cuda/kernels/view.hpp"

#include <algorithm>

namespace dra::cuda::DRA_TARGET::rungs {

/// Tokens [begin, end) of the sequence: the Interval of reference/ring/shard.hpp in ints, which kernels count in.
struct IntInterval {
    int begin, end;

    constexpr int size() const { return end - begin; }
    constexpr bool operator==(const IntInterval&) const = default;
};

/// Everything that a kernel is told, by value.
struct AttendCall {
    Parameters pattern;    ///< q, out and lse hold the tokens `queries`, k and v hold `chunk`; out is float
    IntInterval queries;   ///< whole segments, where rows are gathered; else the whole sequence
    IntInterval chunk;     ///< the chunk of the ring
    bool repeated = false; ///< rows are packed, segment after segment, and repeated to a segment's length
    const unsigned char* mask = nullptr; ///< [N, chunk.size()]; null: extents
    int key_shift = 0; ///< positions by which keys are taken to be later than they are; 0 in the pipeline (see fix 4)

    constexpr int first_segment() const { return chunk.begin / pattern.segment_length; }
    constexpr int segments() const { return (chunk.end - 1) / pattern.segment_length - first_segment() + 1; }
    constexpr int heads() const { return pattern.kv_head_count * pattern.query_heads_per_kv_head(); }

    /// The most rows that a segment can have, repeats included: tiles are counted by it.
    constexpr int most_rows() const {
        return repeated ? std::min(pattern.segment_length, pattern.tokens) : pattern.most_rows();
    }
};

/// Rows of a tensor: row t is the tensor's token first + t * stride.
struct RowsOfTensor {
    int first, stride, count;
};

/// One segment as one KV head sees it: the genuine positions, and the rows that are computed.
struct SegmentView {
    int first_query, queries; ///< positions first_query + t*r of so many queries
    int first_key, keys;      ///< positions first_key + t*r of so many keys, all in the chunk
    RowsOfTensor q, k;        ///< row t is query t mod queries; k's rows from `keys` on are repeats that nobody sees
};

/// The view of a segment in closed form: positions s*w + o + t*r, those inside the chunk, and where their rows are.
__device__ __host__ __forceinline__ SegmentView segment_view(const AttendCall& call, int kv_head, int segment) {
    const Parameters& p = call.pattern;
    const auto smaller = [](int a, int b) { return a < b ? a : b; };
    const auto larger = [](int a, int b) { return a > b ? a : b; };
    const int begin = segment * p.segment_length, end = smaller(begin + p.segment_length, p.tokens);
    const int first = begin + phase_of(p, kv_head);
    /// The number of positions from `first` on, every r-th, that lie before `bound`.
    const auto below = [&](int bound) {
        return bound > first ? (bound - first + p.dilation_rate - 1) / p.dilation_rate : 0;
    };
    const int before = below(call.chunk.begin), keys = below(smaller(call.chunk.end, end)) - before;

    SegmentView view;
    view.first_query = first;
    view.queries = below(end);
    view.first_key = first + before * p.dilation_rate;
    view.keys = larger(keys, 0);
    if (call.repeated) {
        const int part = larger(begin, call.chunk.begin), part_end = smaller(end, call.chunk.end);
        view.q = {begin - call.queries.begin, 1, view.queries > 0 ? end - begin : 0};
        view.k = {part - call.chunk.begin, 1, view.keys > 0 ? part_end - part : 0};
    } else {
        view.q = {first - call.queries.begin, p.dilation_rate, view.queries};
        view.k = {view.first_key - call.chunk.begin, p.dilation_rate, view.keys};
    }
    return view;
}

/// The segment, head and rows that a block has: grid (tiles of rows, segments, B * heads of the pattern).
struct BlockOfCall {
    int batch, head, kv_head;
    int first_row;
    SegmentView view;
};

/// What this block has, of tiles of ROWS rows.
template <int ROWS> __device__ __forceinline__ BlockOfCall block_of(const AttendCall& call) {
    const int heads = call.heads(), group = call.pattern.query_heads_per_kv_head();
    const int z = static_cast<int>(blockIdx.z), segment = call.first_segment() + static_cast<int>(blockIdx.y);
    const int head = call.pattern.first_kv_head * group + z % heads;
    return {z / heads, head, head / group, static_cast<int>(blockIdx.x) * ROWS,
            segment_view(call, head / group, segment)};
}

/// The grid of a launch for tiles of `tile_rows` rows.
inline dim3 grid_of(const AttendCall& call, int tile_rows) {
    const auto tiles = static_cast<unsigned>((call.most_rows() + tile_rows - 1) / tile_rows);
    return {tiles, static_cast<unsigned>(call.segments()), static_cast<unsigned>(call.pattern.batch * call.heads())};
}

/// The element at which the row of a token begins in [B, tokens, heads, D].
__device__ __forceinline__ long long row_at(const Parameters& p, int batch, int tokens, int token, int heads,
                                            int head) {
    return ((static_cast<long long>(batch) * tokens + token) * heads + head) * p.head_dim;
}

/// The element of lse [B, H, tokens of the queries] that belongs to a token of the block's head.
__device__ __forceinline__ long long lse_at(const AttendCall& call, const BlockOfCall& block, int token) {
    return (static_cast<long long>(block.batch) * call.pattern.heads + block.head) * call.queries.size() + token;
}

} // namespace dra::cuda::DRA_TARGET::rungs
