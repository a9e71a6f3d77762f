#pragma once
/// \file
/// Fix 2 on a device: where rows come from. It teaches that a strided view costs the memory system nothing, for a row
/// of D elements is whole sectors wherever it lies, while a gather reads and writes every row once more and, repeating
/// rows up to a segment's length, multiplies the pairs by r^2.
///
/// | rung       | form                                                        | pairs of a head              |
/// |------------|-------------------------------------------------------------|------------------------------|
/// | before     | three attentions, of q, k and v with themselves, discarded  | n w + 3 n w                  |
/// | after      | gather by an index list with repetition, attention, scatter | n w                          |
/// | principled | the kernel walks rows first + t*r of the tensor             | n w / r^2, fewer when causal |

#include "cuda/published/attend_call.hpp"
#include "cuda/published/counted_stream.hpp"

#include <vector>

namespace dra::cuda::DRA_TARGET::rungs {

/// An index list on the device, for every KV head of a pattern: [kv_head_count, tokens.size()]. Entry t of a segment's
/// part of the interval is the part's (t mod count)-th selected token, counted from tokens.begin; -1 where a part has
/// none.
struct IndexList {
    const int* indices;
    Index elements; ///< the number of entries that are not -1, of all KV heads
};

namespace fix_2 {

/// The list of `tokens`, made on the host.
std::vector<int> index_list(const Parameters& pattern, IntInterval tokens);

/// The tokens of the segments that touch `chunk`: what a gathered call has of q.
IntInterval covering(const Parameters& pattern, IntInterval chunk);

/// A tensor [B, tokens.size(), heads, D] and the tokens that it holds.
struct Source {
    const void* data;
    IntInterval tokens;
    int heads;
};

/// Copies rows to `gathered` [B, tokens.size(), heads, D], for the heads that use the pattern.
void gather(CountedStream& stream, const Parameters& pattern, const Source& from, const IndexList& list,
            IntInterval tokens, void* gathered);

/// Merges the genuine rows of a call, which were gathered by this index list, into out [B, N, H, D] and lse [B, H, N].
/// One warp per row.
void scatter(CountedStream& stream, const AttendCall& call, const IndexList& list, float* out, float* lse);

/// Merges the rows of a call, which lie where they belong, into out and lse. One warp per row.
void merge(CountedStream& stream, const AttendCall& call, float* out, float* lse);

} // namespace fix_2
} // namespace dra::cuda::DRA_TARGET::rungs
