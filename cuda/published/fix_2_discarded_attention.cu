#include "cuda/published/combine.hpp"
#include "cuda/published/fix_2_discarded_attention.hpp"

#include <algorithm>

namespace dra::cuda::DRA_TARGET::rungs::fix_2 {
namespace {

constexpr unsigned threads = 128;
constexpr int warps = threads / 32;

/// Copies rows, one chunk of 16 bytes per thread; grid (chunks of all rows, heads of the pattern, B).
__global__ void copy_rows(const __grid_constant__ Parameters p, Source from, const int* indices, IntInterval tokens,
                          uint4* gathered) {
    const int chunks = p.head_dim / 8, group = from.heads / p.kv_heads;
    const long long item = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int row = static_cast<int>(item / chunks), chunk = static_cast<int>(item % chunks);
    if (row >= tokens.size()) return;
    const int kv_head = static_cast<int>(blockIdx.y) / group, batch = static_cast<int>(blockIdx.z);
    const int head = p.first_kv_head * group + static_cast<int>(blockIdx.y);
    const int index = load(indices + static_cast<long long>(kv_head) * tokens.size() + row);
    if (index < 0) return;
    const int token = index + tokens.begin - from.tokens.begin;
    const auto at = [&](int row_of_tensor, int rows) {
        return ((static_cast<long long>(batch) * rows + row_of_tensor) * from.heads + head) * chunks + chunk;
    };
    store(gathered + at(row, tokens.size()),
          load(static_cast<const uint4*>(from.data) + at(token, from.tokens.size())));
}

/// Merges genuine rows, one warp per row; grid as grid_of(call, warps). `indices` is null where rows lie where they
/// belong.
__global__ void __launch_bounds__(threads)
    merge_rows(const __grid_constant__ AttendCall call, const int* indices, float* out, float* lse) {
    const Parameters& p = call.pattern;
    const BlockOfCall block = block_of<warps>(call);
    const int t = block.first_row + warp_index();
    if (t >= block.view.queries) return;
    const int from = block.view.q.first + t * block.view.q.stride;
    int token = from + call.queries.begin;
    if (indices)
        token = call.queries.begin +
                load(indices + static_cast<long long>(block.kv_head - p.first_kv_head) * call.queries.size() + from);

    const long long lse_there = (static_cast<long long>(block.batch) * p.heads + block.head) * p.tokens + token;
    const CombineWeights w = MergeByLse::weights(load(lse + lse_there), load(p.lse + lse_at(call, block, from)));
    __syncwarp(); // every lane has read lse before it is written
    const float* row =
        static_cast<const float*>(p.out) + row_at(p, block.batch, call.queries.size(), from, p.heads, block.head);
    float* there = out + row_at(p, block.batch, p.tokens, token, p.heads, block.head);
    for (int d = 2 * lane_index(); d < p.head_dim; d += 64) {
        float2* at = reinterpret_cast<float2*>(there + d);
        const float2 had = load(at), comes = load(reinterpret_cast<const float2*>(row + d));
        store(at, make_float2(w.a * had.x + w.b * comes.x, w.a * had.y + w.b * comes.y));
    }
    if (lane_index() == 0) store(lse + lse_there, w.lse);
}

void launch_merge(CountedStream& stream, const AttendCall& call, const int* indices, float* out, float* lse) {
    stream.launch(merge_rows, grid_of(call, warps), dim3(threads), 0, call, indices, out, lse);
}

} // namespace

std::vector<int> index_list(const Parameters& pattern, IntInterval tokens) {
    const int w = pattern.segment_length, r = pattern.dilation_rate;
    std::vector<int> list(static_cast<std::size_t>(pattern.kv_head_count) * static_cast<std::size_t>(tokens.size()),
                          -1);
    auto entry = list.begin();
    for (int g = pattern.first_kv_head; g < pattern.first_kv_head + pattern.kv_head_count; ++g)
        for (int begin = tokens.begin; begin < tokens.end;) {
            const int segment = begin / w * w, end = std::min(segment + w, tokens.end);
            int first = segment + phase_of(pattern, g);
            if (first < begin) first += (begin - first + r - 1) / r * r;
            const int count = first < end ? (end - first + r - 1) / r : 0;
            for (int t = 0; t < end - begin; ++t, ++entry)
                if (count > 0) *entry = first + t % count * r - tokens.begin;
            begin = end;
        }
    return list;
}

IntInterval covering(const Parameters& pattern, IntInterval chunk) {
    const int w = pattern.segment_length, begin = chunk.begin / w * w;
    const int end = std::min((chunk.end - 1) / w * w + w, pattern.tokens);
    return {begin, end};
}

void gather(CountedStream& stream, const Parameters& pattern, const Source& from, const IndexList& list,
            IntInterval tokens, void* gathered) {
    const int group = from.heads / pattern.kv_heads;
    const long long items = static_cast<long long>(tokens.size()) * (pattern.head_dim / 8);
    const dim3 grid(static_cast<unsigned>((items + threads - 1) / threads),
                    static_cast<unsigned>(pattern.kv_head_count * group), static_cast<unsigned>(pattern.batch));
    stream.launch(copy_rows, grid, dim3(threads), 0, pattern, from, list.indices, tokens,
                  static_cast<uint4*>(gathered));
    stream.counts.rows_gathered += list.elements * group * pattern.batch;
}

void scatter(CountedStream& stream, const AttendCall& call, const IndexList& list, float* out, float* lse) {
    launch_merge(stream, call, list.indices, out, lse);
}

void merge(CountedStream& stream, const AttendCall& call, float* out, float* lse) {
    launch_merge(stream, call, nullptr, out, lse);
}

} // namespace dra::cuda::DRA_TARGET::rungs::fix_2
