#pragma once
/// \file
/// One pattern's attention as a kernel is told it: pointers, sizes, strides of the definition, by value.
///
/// Neutral: no CUDA header, no target's namespace, so that the host code of both targets shares it. The numbers come from
/// a validated Problem; nothing here is checked again.

#include "reference/definition/phase_rule.hpp"

namespace dra::cuda {

/// One pattern over all batches and the KV heads [first_kv_head, first_kv_head + kv_head_count) that use it.
///
/// Tensors are dense and on the device. Rows of heads that do not use the pattern are neither read nor written.
struct Parameters {
    const void* q; ///< [B, N, H, D]
    const void* k; ///< [B, N, Hkv, D]
    const void* v; ///< [B, N, Hkv, D]
    void* out;     ///< [B, N, H, D], in the type, or float when a partial is written
    float* lse;    ///< [B, H, N], natural logarithm

    int batch;    ///< B
    int tokens;   ///< N
    int heads;    ///< H, query heads
    int kv_heads; ///< Hkv, which divides H
    int head_dim; ///< D

    int segment_length;   ///< w
    int dilation_rate;    ///< r, 1 <= r <= w
    PhaseRule phase_rule; ///< what a head's phase depends on
    int phase;            ///< phase of every head by PhaseRule::group, 0 <= phase < r
    int phase_block;      ///< ceil(Hkv / r): heads of one phase by PhaseRule::head_block

    int first_kv_head; ///< first KV head that uses the pattern
    int kv_head_count; ///< number of KV heads that use it

    float softmax_scale; ///< any finite number, also 0 or negative
    int causal;          ///< not 0: a query sees no key of a later position

    constexpr int query_heads_per_kv_head() const { return heads / kv_heads; }                ///< H / Hkv
    constexpr int segments() const { return (tokens + segment_length - 1) / segment_length; } ///< ceil(N / w)

    /// The most rows that a segment can select, whatever the phase: tiles are counted by it.
    constexpr int most_rows() const {
        const int longest = segment_length < tokens ? segment_length : tokens;
        return (longest + dilation_rate - 1) / dilation_rate;
    }
};

} // namespace dra::cuda
