/// \file
/// Rows that a pattern does not select: out = 0 and lse = -inf, without a look at any key.
///
/// One warp a (batch, token, head); a token's segment, phase and dilation say by arithmetic whether it is selected.

#include "cuda/kernels/launch_step.hpp"

#include "cuda/kernels/ladder.hpp"

#include <cmath>

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr int clear_threads = 256, clear_warps = clear_threads / 32;

template <class Out> __global__ void __launch_bounds__(clear_threads)
    clear_unselected(Parameters parameters, Out* out, long long rows) {
    const long long row = static_cast<long long>(blockIdx.x) * clear_warps + warp_index();
    if (row >= rows) return;
    const int group = parameters.group_size(), heads = parameters.kv_head_count * group;
    const int kv_head = parameters.first_kv_head + static_cast<int>(row % heads) / group;
    const int head = parameters.first_kv_head * group + static_cast<int>(row % heads);
    const long long batch = row / heads / parameters.tokens;
    const int token = static_cast<int>(row / heads % parameters.tokens);

    const int after_phase = token % parameters.segment_length - phase_of(parameters, kv_head);
    if (after_phase >= 0 && after_phase % parameters.dilation_rate == 0) return; // a step writes it
    const long long at = ((batch * parameters.tokens + token) * parameters.heads + head) * parameters.head_dim;
    for (int d = lane_index(); d < parameters.head_dim; d += 32) store(out + at + d, from_float<Out>(0));
    if (lane_index() == 0)
        store(parameters.lse + (batch * parameters.heads + head) * parameters.tokens + token, -INFINITY);
}

template <class Out> cudaError_t clear_as(const Parameters& parameters, cudaStream_t stream) {
    const long long rows = static_cast<long long>(parameters.batch) * parameters.tokens * parameters.kv_head_count *
                           parameters.group_size();
    if (rows == 0 || parameters.dilation_rate == 1) return cudaSuccess; // everything is selected
    return launch(clear_unselected<Out>, static_cast<unsigned>((rows + clear_warps - 1) / clear_warps), clear_threads,
                  0, stream, parameters, static_cast<Out*>(parameters.out), rows);
}

} // namespace

cudaError_t clear_rows(const Parameters& parameters, Type type, bool float_out, cudaStream_t stream) {
    return with_element(float_out ? Type::fp32 : type,
                        [&]<class T>(Element<T>) { return clear_as<T>(parameters, stream); });
}

} // namespace dra::cuda::DRA_TARGET
