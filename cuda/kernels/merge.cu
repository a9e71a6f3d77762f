/// \file
/// How partials are merged, in place and in float, with one warp per row; and the cast that ends a mixture.
///
///     m = max(lse_a, lse_b),   lse = m + log(e^(lse_a - m) + e^(lse_b - m)),   out = e^(lse_a - lse) out_a + e^(lse_b - lse) out_b
///
/// (0, -inf) is the identity, exactly: a side of lse = -inf weighs 0, so the sum is 1 and its logarithm 0. Only where
/// both are -inf would -inf - -inf be NaN; there is nothing to do for such a row.

#include "cuda/kernels/launch_kernel.hpp"

#include "cuda/kernels/ladder.hpp"
#include "cuda/kernels/view.hpp"

#include <algorithm>
#include <cmath>

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr int merge_threads = 256, merge_warps = merge_threads / 32;

__global__ void __launch_bounds__(merge_threads) merge_rows(float* out, float* lse, const float* other_out,
                                                            const float* other_lse, Parameters shape, long long rows) {
    const long long row = static_cast<long long>(blockIdx.x) * merge_warps + warp_index(); // row of out: (b, n, h)
    if (row >= rows) return;
    const long long head = row % shape.heads, token = row / shape.heads % shape.tokens,
                    batch = row / shape.heads / shape.tokens;
    const long long at = (batch * shape.heads + head) * shape.tokens + token; // element of lse: (b, h, n)
    const float a = load(lse + at), b = load(other_lse + at);
    if (a == -INFINITY && b == -INFINITY) return; // the identity with itself; not by fmaxf(a, b), which hides a NaN

    const float m = fmaxf(a, b);
    const float weight_a = expf(a - m), weight_b = expf(b - m), sum = weight_a + weight_b;
    for (int d = lane_index(); d < shape.head_dim; d += 32) {
        const long long element = row * shape.head_dim + d;
        const float x = weight_a * load(out + element) + weight_b * load(other_out + element);
        store(out + element, x / sum);
    }
    __syncwarp(); // every lane has read lse
    if (lane_index() == 0) store(lse + at, m + logf(sum));
}

/// The partials of a mixture, with the patterns that say which rows each of them has.
struct Partials {
    int count;
    Parameters pattern[most_patterns]; ///< out is float
};

/// One block per (batch, token), whose heads lie side by side, and 8 channels per thread: 32 bytes of every partial,
/// twice 8 of the result, since half a group of 16 is a lane's 4 of each 8-column block (partial_rows.hpp). Whether a
/// pattern selects the token for a head is arithmetic, so nobody has to mark the rows that it does not, and all that a
/// thread needs is asked for at once. There are COUNT patterns at most.
template <class T, int COUNT> __global__ void __launch_bounds__(merge_threads)
    merge_tokens(T* out, float* lse, const __grid_constant__ Partials partials) {
    const Parameters& shape = partials.pattern[0];
    const int token = static_cast<int>(blockIdx.x) % shape.tokens, batch = static_cast<int>(blockIdx.x) / shape.tokens;
    const int channels = partial_channels(shape.head_dim), chunks = channels / 8; // per row of a partial
    const int group = shape.query_heads_per_kv_head();
    const long long row = static_cast<long long>(blockIdx.x) * shape.heads;
    int selecting[COUNT];
    DRA_UNROLLED for (int p = 0; p < COUNT; ++p) selecting[p] =
        p < partials.count ? selecting_phase(partials.pattern[p], token) : -1;
    for (int i = static_cast<int>(threadIdx.x); i < shape.heads * chunks; i += merge_threads) {
        const int head = i / chunks;
        const long long at = (static_cast<long long>(batch) * shape.heads + head) * shape.tokens + token;
        float partial_lse[COUNT], highest = -INFINITY;
        float4 x[COUNT][2];
        DRA_UNROLLED for (int p = 0; p < COUNT; ++p) {
            const Parameters& pattern = partials.pattern[p];
            partial_lse[p] = -INFINITY; // where its out was never written
            if (phase_of(pattern, head / group) != selecting[p]) continue;
            partial_lse[p] = load(pattern.lse + at);
            const float4* const from =
                reinterpret_cast<const float4*>(static_cast<const float*>(pattern.out) + row * channels + 8LL * i);
            x[p][0] = load(from);
            x[p][1] = load(from + 1);
        }
        DRA_UNROLLED for (int p = 0; p < COUNT; ++p) highest = fmaxf(highest, partial_lse[p]);
        float4 mixed[2] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
        float sum = 0;
        DRA_UNROLLED for (int p = 0; p < COUNT; ++p) {
            if (partial_lse[p] == -INFINITY) continue;
            const float weight = expf(partial_lse[p] - highest);
            sum += weight;
            DRA_UNROLLED for (int half = 0; half < 2; ++half) {
                mixed[half].x += weight * x[p][half].x;
                mixed[half].y += weight * x[p][half].y;
                mixed[half].z += weight * x[p][half].z;
                mixed[half].w += weight * x[p][half].w;
            }
        }
        const float inverse = sum == 0 ? 0 : 1 / sum; // a NaN stays
        const auto packed = [&](float a, float b) { return ptx::pack<T>(a * inverse, b * inverse); };
        const int channel = i % chunks / 2 * 16 + i % 2 * 4;
        T* const to = out + (row + head) * shape.head_dim + channel;
        store(reinterpret_cast<uint2*>(to), make_uint2(packed(mixed[0].x, mixed[0].y), packed(mixed[1].x, mixed[1].y)));
        if (channel + 8 < shape.head_dim)
            store(reinterpret_cast<uint2*>(to + 8),
                  make_uint2(packed(mixed[0].z, mixed[0].w), packed(mixed[1].z, mixed[1].w)));
        if (i % chunks == 0) store(lse + at, sum == 0 ? -INFINITY : highest + logf(sum));
    }
}

template <class T> __global__ void __launch_bounds__(256) cast_elements(T* to, const float* from, std::size_t n) {
    const std::size_t apart = static_cast<std::size_t>(gridDim.x) * blockDim.x;
    for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += apart)
        store(to + i, from_float<T>(load(from + i)));
}

} // namespace

cudaError_t merge_partial(float* out, float* lse, const float* other_out, const float* other_lse,
                          const Parameters& shape, cudaStream_t stream) {
    const long long rows = static_cast<long long>(shape.batch) * shape.tokens * shape.heads;
    return launch(merge_rows, static_cast<unsigned>((rows + merge_warps - 1) / merge_warps), merge_threads, 0, stream,
                  out, lse, other_out, other_lse, shape, rows);
}

cudaError_t merge_patterns(std::span<const Launch> patterns, void* out, float* lse) {
    Partials partials{static_cast<int>(patterns.size()), {}};
    std::ranges::transform(patterns, partials.pattern, &Launch::parameters);
    const Launch& first = patterns.front();
    const auto tokens = static_cast<unsigned>(first.parameters.batch * first.parameters.tokens);
    return with_half(first.type, [&]<class T>(Element<T>) {
        const auto kernel = partials.count <= 2   ? merge_tokens<T, 2>
                            : partials.count <= 4 ? merge_tokens<T, 4>
                                                  : merge_tokens<T, most_patterns>;
        return launch(kernel, tokens, merge_threads, 0, first.stream, static_cast<T*>(out), lse, partials);
    });
}

cudaError_t cast_to(DType type, void* to, const float* from, std::size_t n, cudaStream_t stream) {
    if (n == 0) return cudaSuccess;
    constexpr std::size_t most_blocks = 4096;
    const std::size_t blocks = std::min((n + 255) / 256, most_blocks);
    return with_element(type, [&]<class T>(Element<T>) {
        return launch(cast_elements<T>, static_cast<unsigned>(blocks), 256, 0, stream, static_cast<T*>(to), from, n);
    });
}

} // namespace dra::cuda::DRA_TARGET
