/// \file
/// Merging partials, and the cast that ends a mixture. One warp a row, in place, all in float.
///
///     m = max(lse_a, lse_b),   lse = m + log(e^(lse_a - m) + e^(lse_b - m)),   out = e^(lse_a - lse) out_a + e^(lse_b - lse) out_b
///
/// (0, -inf) is the identity, exactly: a side of lse = -inf weighs 0, so the sum is 1 and its logarithm 0. Only where both
/// are -inf would -inf - -inf be NaN; there is nothing to do for such a row.

#include "cuda/kernels/launch_step.hpp"

#include "cuda/kernels/ladder.hpp"

#include <algorithm>
#include <cmath>

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr int merge_threads = 256, merge_warps = merge_threads / 32;

__global__ void __launch_bounds__(merge_threads) merge_rows(float* out, float* lse, const float* other_out,
                                                            const float* other_lse, Parameters shape, long long rows) {
    const long long row = static_cast<long long>(blockIdx.x) * merge_warps + warp_index(); // of out: (b, n, h)
    if (row >= rows) return;
    const long long head = row % shape.heads, token = row / shape.heads % shape.tokens,
                    batch = row / shape.heads / shape.tokens;
    const long long at = (batch * shape.heads + head) * shape.tokens + token; // of lse: (b, h, n)
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

/// The merge of several partials at once: a block a (batch, token), whose heads lie side by side, 4 channels a thread.
struct Partials {
    int count;
    Partial partial[most_patterns];
};

template <class T> __global__ void __launch_bounds__(merge_threads)
    merge_tokens(T* out, float* lse, const __grid_constant__ Partials partials, Parameters shape) {
    const int token = static_cast<int>(blockIdx.x) % shape.tokens, batch = static_cast<int>(blockIdx.x) / shape.tokens;
    const int quads = shape.head_dim / 4; // of a row
    const long long row = static_cast<long long>(blockIdx.x) * shape.heads;
    for (int i = static_cast<int>(threadIdx.x); i < shape.heads * quads; i += merge_threads) {
        const int head = i / quads;
        const long long at = (static_cast<long long>(batch) * shape.heads + head) * shape.tokens + token;
        float highest = -INFINITY;
        for (int p = 0; p < partials.count; ++p) highest = fmaxf(highest, load(partials.partial[p].lse + at));
        float4 mixed{0, 0, 0, 0};
        float sum = 0;
        for (int p = 0; p < partials.count; ++p) {
            const float of_this = load(partials.partial[p].lse + at);
            if (of_this == -INFINITY) continue; // its out was never written
            const float weight = expf(of_this - highest);
            const float4 x = load(reinterpret_cast<const float4*>(partials.partial[p].out + row * shape.head_dim) + i);
            sum += weight;
            mixed = {mixed.x + weight * x.x, mixed.y + weight * x.y, mixed.z + weight * x.z, mixed.w + weight * x.w};
        }
        const float inverse = sum == 0 ? 0 : 1 / sum; // a NaN stays
        const uint2 words = make_uint2(ptx::pack<T>(mixed.x * inverse, mixed.y * inverse),
                                       ptx::pack<T>(mixed.z * inverse, mixed.w * inverse));
        store(reinterpret_cast<uint2*>(out + row * shape.head_dim) + i, words);
        if (i % quads == 0) store(lse + at, sum == 0 ? -INFINITY : highest + logf(sum));
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

cudaError_t merge_patterns(Type type, void* out, float* lse, std::span<const Partial> partials, const Parameters& shape,
                           cudaStream_t stream) {
    Partials all{static_cast<int>(partials.size()), {}};
    std::ranges::copy(partials, all.partial);
    return with_half(type, [&]<class T>(Element<T>) {
        return launch(merge_tokens<T>, static_cast<unsigned>(shape.batch * shape.tokens), merge_threads, 0, stream,
                      static_cast<T*>(out), lse, all, shape);
    });
}

cudaError_t cast_to(Type type, void* to, const float* from, std::size_t n, cudaStream_t stream) {
    if (n == 0) return cudaSuccess;
    constexpr std::size_t most_blocks = 4096;
    const std::size_t blocks = std::min((n + 255) / 256, most_blocks);
    return with_element(type, [&]<class T>(Element<T>) {
        return launch(cast_elements<T>, static_cast<unsigned>(blocks), 256, 0, stream, static_cast<T*>(to), from, n);
    });
}

} // namespace dra::cuda::DRA_TARGET
