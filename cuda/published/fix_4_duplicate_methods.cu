#include "cuda/published/attention_kernel.hpp"
#include "cuda/published/fix_4_duplicate_methods.hpp"
#include "cuda/published/with_kernel.hpp"

namespace dra::cuda::DRA_TARGET::rungs::fix_4 {
namespace {

template <class CombineRule> void launch(CountedStream& stream, DType type, const AttendCall& call) {
    with_kernel(type, call, [&](auto element, auto head_dim, auto masking) {
        using T = typename decltype(element)::type;
        using Masking = typename decltype(masking)::type;
        constexpr int D = decltype(head_dim)::value;
        stream.launch(attend_rows<T, D, Masking, CombineRule>, grid_of(call, tile_rows), dim3(block_threads),
                      shared_bytes<T, D>(true), call);
    });
    if (!stream.counting) return;
    const Index pairs = visited_pairs(call);
    stream.counts.pairs += pairs;
    stream.counts.flops += pairs * 4 * call.pattern.head_dim;
}

template <class CombineRule> void launch(CountedStream& stream, DType type, const AttendCall& call, Combine combine) {
    combine == Combine::merge ? launch<CombineRule>(stream, type, call) : launch<Store>(stream, type, call);
}

/// The call whose keys start `offset` positions later.
AttendCall moved(AttendCall call, int offset) {
    call.key_shift += offset;
    return call;
}

/// The call that forgot to be causal.
AttendCall all_seen(AttendCall call) {
    call.pattern.causal = 0;
    return call;
}

} // namespace

void simple_attention(CountedStream& stream, DType type, const AttendCall& call, int, Combine combine) {
    launch<MergeByLse>(stream, type, call, combine);
}

void compute_attention_chunk(CountedStream& stream, DType type, const AttendCall& call, int chunk_offset,
                             Combine combine) {
    launch<MergeByLse>(stream, type, chunk_offset > 0 ? all_seen(call) : call, combine);
}

void compute_attention_standard(CountedStream& stream, DType type, const AttendCall& call, int chunk_offset,
                                Combine combine) {
    launch<MergeByLse>(stream, type, moved(call, chunk_offset), combine);
}

void online_softmax_attention(CountedStream& stream, DType type, const AttendCall& call, int chunk_offset,
                              Combine combine) {
    launch<OnlineSoftmaxPath>(stream, type, moved(call, -chunk_offset), combine);
}

void compute_attention(CountedStream& stream, DType type, const AttendCall& call, int chunk_offset, Combine combine) {
    launch<MergeByLse>(stream, type, chunk_offset > 0 ? all_seen(call) : call, combine); // as the flash backend does
}

void attend(CountedStream& stream, DType type, const AttendCall& call, int chunk_offset, Combine combine) {
    launch<MergeByLse>(stream, type, moved(call, chunk_offset), combine);
}

Method method(published::Rung rung, Index ranks, bool causal) {
    if (rung == published::Rung::principled) return attend;
    if (rung == published::Rung::after) return ranks > 1 ? online_softmax_attention : compute_attention;
    if (ranks > 1) return causal ? online_softmax_attention : compute_attention_standard;
    return causal ? simple_attention : compute_attention_chunk;
}

Index visited_pairs(const AttendCall& call) {
    const Parameters& p = call.pattern;
    Index pairs = 0;
    for (int g = p.first_kv_head; g < p.first_kv_head + p.kv_head_count; ++g)
        for (int s = call.first_segment(); s < call.first_segment() + call.segments(); ++s) {
            const SegmentView view = segment_view(call, g, s);
            for (int row = 0; row < view.q.count; row += tile_rows) {
                const int rows = std::min(tile_rows, view.q.count - row), last = row + rows - 1;
                pairs += static_cast<Index>(rows) *
                         (call.mask ? DenseMask::visited(call, view, last) : Extents::visited(call, view, last));
            }
        }
    return pairs * p.query_heads_per_kv_head() * p.batch;
}

} // namespace dra::cuda::DRA_TARGET::rungs::fix_4
