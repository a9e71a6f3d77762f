/// \file
/// Rows that a pattern does not select: out = 0 and lse = -inf, without a look at any key.
///
/// One block per (batch, token), whose heads lie side by side in memory: where the token lies in its segment is divided
/// once, whether a head's phase selects it is asked once per chunk of 16 bytes, and neighbouring threads write
/// neighbouring chunks.

#include "cuda/kernels/launch_kernel.hpp"

#include "cuda/kernels/ladder.hpp"
#include "cuda/kernels/shard_view.hpp"

#include <cmath>

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr int clear_threads = 256;

/// `Chunk` is what a thread writes at once: 16 bytes, or an element where D does not divide into such.
template <class Out, class Chunk, bool TWO_VIEWS> __global__ void __launch_bounds__(clear_threads)
    clear_unselected(Parameters parameters, Out* out) {
    constexpr int elements = sizeof(Chunk) / sizeof(Out);
    const int token = static_cast<int>(blockIdx.x) % parameters.tokens;
    const int batch = static_cast<int>(blockIdx.x) / parameters.tokens;
    const int position = TWO_VIEWS ? parameters.first_token + token : token;
    const int selecting = selecting_phase(parameters, position);
    const bool sees = !TWO_VIEWS || sees_a_key(parameters, position); // from a row that is selected
    const int group = parameters.query_heads_per_kv_head(), first_head = parameters.first_kv_head * group;
    const int chunks = parameters.head_dim / elements; // chunks per head
    Out* const row = out + static_cast<long long>(blockIdx.x) * parameters.heads * parameters.head_dim;

    for (int i = static_cast<int>(threadIdx.x); i < parameters.kv_head_count * group * chunks; i += clear_threads) {
        const int head = first_head + i / chunks, d = i % chunks * elements;
        if (sees && phase_of(parameters, head / group) == selecting) continue; // the pattern's kernel writes it
        store(reinterpret_cast<Chunk*>(row + static_cast<long long>(head) * parameters.head_dim + d), Chunk{});
        if (d == 0)
            store(parameters.lse + (static_cast<long long>(batch) * parameters.heads + head) * parameters.tokens +
                      token,
                  -INFINITY);
    }
}

template <class Out, class Chunk> cudaError_t clear_by(const Parameters& parameters, cudaStream_t stream) {
    const auto kernel =
        parameters.two_views() ? clear_unselected<Out, Chunk, true> : clear_unselected<Out, Chunk, false>;
    return launch(kernel, static_cast<unsigned>(parameters.batch * parameters.tokens), clear_threads, 0, stream,
                  parameters, static_cast<Out*>(parameters.out));
}

template <class Out> cudaError_t clear_as(const Parameters& parameters, cudaStream_t stream) {
    if (parameters.kv_head_count == 0) return cudaSuccess;
    if (parameters.dilation_rate == 1 && !parameters.two_views()) return cudaSuccess; // everything is selected
    return parameters.head_dim * static_cast<int>(sizeof(Out)) % 16 == 0 ? clear_by<Out, uint4>(parameters, stream)
                                                                         : clear_by<Out, Out>(parameters, stream);
}

} // namespace

cudaError_t clear_rows(const Parameters& parameters, DType type, bool float_out, cudaStream_t stream) {
    return with_element(float_out ? DType::f32 : type,
                        [&]<class T>(Element<T>) { return clear_as<T>(parameters, stream); });
}

} // namespace dra::cuda::DRA_TARGET
