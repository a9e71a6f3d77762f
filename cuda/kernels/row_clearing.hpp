#pragma once
/// \file
/// Rows that no ticket computes, written by warps that have time: out = 0 and lse = -inf, or lse alone.
///
/// clear_rows.cu is the same as a launch of its own. Here a warp of the copiers takes every so-manyth token while nobody has
/// an order for it, and the memory's bandwidth, which attention hardly uses, does the rest.

#include "cuda/kernels/fragment.hpp"
#include "cuda/kernels/pipeline.hpp"
#include "cuda/kernels/tasks.hpp"
#include "cuda/kernels/view.hpp"

#include <cmath>

namespace dra::cuda::DRA_TARGET {

template <class T> __device__ __forceinline__ void clear_heads(const Parameters& parameters, bool out_too, int batch,
                                                               int n, int head, int heads) {
    if (out_too) {
        const long long row = (static_cast<long long>(batch) * parameters.tokens + n) * parameters.heads + head;
        uint4* const chunks = reinterpret_cast<uint4*>(static_cast<T*>(parameters.out) + row * parameters.head_dim);
        DRA_ROLLED for (int i = lane_index(); i < heads * parameters.head_dim / 8; i += 32)
            store(chunks + i, make_uint4(0, 0, 0, 0));
    }
    float* const lse =
        parameters.lse + (static_cast<long long>(batch) * parameters.heads + head) * parameters.tokens + n;
    DRA_ROLLED for (int i = lane_index(); i < heads; i += 32)
        store(lse + static_cast<long long>(i) * parameters.tokens, -INFINITY);
}

/// By a warp: one token more, of those whose number, counted over [B, N], stands in `next`. False: there are none left.
template <class T, int N> __device__ __forceinline__ bool clear_token(const Tasks<N>& tasks, int* next) {
    const Parameters& common = tasks.common();
    const int token = shared_load(next);
    __syncwarp();
    if (tasks.clears == Clears::nothing || token >= common.batch * common.tokens) return false;
    if (lane_index() == 0) shared_store(next, token + ptx::blocks_of_grid() * copier_warps);
    const int N_ = ptx::opaque(common.tokens), batch = token / N_, n = token % N_;
    DRA_ROLLED for (int i = 0; i < tasks.count; ++i) {
        const Parameters& parameters = tasks.at(i).parameters;
        if (parameters.dilation_rate == 1) continue;
        // Phases are below r, so the one that selects a position is its remainder.
        const int selecting = n % ptx::opaque(parameters.segment_length) % ptx::opaque(parameters.dilation_rate);
        const bool alike = parameters.phase_of == PhaseOf::fixed; // all heads
        const int each = alike ? parameters.kv_head_count : 1,
                  end = parameters.first_kv_head + parameters.kv_head_count;
        DRA_ROLLED for (int g = parameters.first_kv_head; g < end; g += each) if (phase_of(parameters, g) != selecting)
            clear_heads<T>(parameters, tasks.clears == Clears::rows, batch, n, g * parameters.group_size(),
                           each * parameters.group_size());
    }
    __syncwarp();
    return true;
}

} // namespace dra::cuda::DRA_TARGET
