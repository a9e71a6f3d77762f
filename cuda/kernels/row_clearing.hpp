#pragma once
/// \file
/// Rows that no ticket computes, written by warps that have time: out = 0 and lse = -inf.
///
/// clear_rows.cu does the same in a launch of its own. Here the warps of the copiers, of all blocks, share the tokens
/// by groups of 32, and a warp clears 8 at a time while nobody has an order for it, with the memory's bandwidth, which
/// attention hardly uses. The lse of all 32 goes with the first 8, since [B, H, N] has them side by side.

#include "cuda/kernels/fragment.hpp"
#include "cuda/kernels/pipeline.hpp"
#include "cuda/kernels/tasks.hpp"
#include "cuda/kernels/view.hpp"

#include <cmath>

namespace dra::cuda::DRA_TARGET {

/// Clears lse of the tokens [first, first + 32) of a batch, one per lane, in all heads that do not select them.
__device__ __forceinline__ void clear_lse(const Parameters& parameters, int batch, int first) {
    const int n = first + lane_index(), group = parameters.query_heads_per_kv_head();
    const int selecting = selecting_phase(parameters, n);
    const int end = (parameters.first_kv_head + parameters.kv_head_count) * group;
    DRA_ROLLED for (int head = parameters.first_kv_head * group; head < end;
                    ++head) if (n < parameters.tokens && phase_of(parameters, head / group) != selecting)
        store(parameters.lse + (static_cast<long long>(batch) * parameters.heads + head) * parameters.tokens + n,
              -INFINITY);
}

/// Clears out of some heads of a token, which lie side by side.
template <class T>
__device__ __forceinline__ void clear_heads(const Parameters& parameters, int batch, int n, int head, int heads) {
    const long long row = (static_cast<long long>(batch) * parameters.tokens + n) * parameters.heads + head;
    uint4* const chunks = reinterpret_cast<uint4*>(static_cast<T*>(parameters.out) + row * parameters.head_dim);
    DRA_ROLLED for (int i = lane_index(); i < heads * parameters.head_dim / 8; i += 32)
        store(chunks + i, make_uint4(0, 0, 0, 0));
}

/// Clears 8 tokens more, by one warp: from the token on whose number, counted over [B, N rounded up to 32], stands in
/// `next`. False: there was none left.
template <class T, int N> __device__ __forceinline__ bool clear_tokens(const Tasks<N>& tasks, int* next) {
    constexpr int at_once = 8;
    const Parameters& common = tasks.common();
    const int padded = (common.tokens + 31) / 32 * 32, token = shared_load(next), after = token + at_once;
    __syncwarp();
    if (!tasks.clears || token >= common.batch * padded) return false;
    if (lane_index() == 0)
        shared_store(next, after % 32 != 0 ? after : after + 32 * (ptx::blocks_of_grid() * copier_warps - 1));
    const int batch = token / ptx::opaque(padded), first = token % ptx::opaque(padded);
    DRA_ROLLED for (int i = 0; i < tasks.count; ++i) {
        const Parameters& parameters = tasks.at(i).parameters;
        if (parameters.dilation_rate == 1) continue;
        if (first % 32 == 0) clear_lse(parameters, batch, first);
        const int selecting = selecting_phase(parameters, first + lane_index() % at_once);
        const bool alike = parameters.phase_rule == PhaseRule::group; // all heads select the same tokens
        const int each = alike ? parameters.kv_head_count : 1,
                  end = parameters.first_kv_head + parameters.kv_head_count;
        DRA_ROLLED for (int n = 0; n < at_once && first + n < common.tokens; ++n) {
            const int of_this = __shfl_sync(~0u, selecting, n);
            DRA_ROLLED for (int g = parameters.first_kv_head; g < end;
                            g += each) if (phase_of(parameters, g) != of_this)
                clear_heads<T>(parameters, batch, first + n, g * parameters.query_heads_per_kv_head(),
                               each * parameters.query_heads_per_kv_head());
        }
    }
    __syncwarp();
    return true;
}

} // namespace dra::cuda::DRA_TARGET
