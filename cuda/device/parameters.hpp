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
/// Tensors are dense and on the device. Rows of heads that do not use the pattern are neither read nor written. Where a ring
/// brings keys of another rank, q holds some tokens of the sequence, and k and v hold others: n and m of them, from positions
/// first_token and first_key_token on. Elsewhere both hold all N.
struct Parameters {
    const void* q; ///< [B, n, H, D]
    const void* k; ///< [B, m, Hkv, D]
    const void* v; ///< [B, m, Hkv, D]
    void* out;     ///< [B, n, H, D], in the type, or float when a partial is written
    float* lse;    ///< [B, H, n], natural logarithm

    int batch;    ///< B
    int tokens;   ///< n, that q, out and lse hold
    int heads;    ///< H, query heads
    int kv_heads; ///< Hkv, divides H
    int head_dim; ///< D

    int segment_length; ///< w
    int dilation_rate;  ///< r, 1 <= r <= w
    PhaseRule phase_rule;
    int phase;       ///< of every head by PhaseRule::group, 0 <= phase < r
    int phase_block; ///< ceil(Hkv / r): heads of one phase by PhaseRule::head_block

    int first_kv_head;
    int kv_head_count;

    float softmax_scale; ///< any finite number, also 0 or negative
    int causal;          ///< a query sees no key of a later position

    int first_token = 0;     ///< position of the first of q, out and lse
    int key_tokens = tokens; ///< m, that k and v hold
    int first_key_token = 0; ///< position of the first of them

    constexpr int group_size() const { return heads / kv_heads; }                ///< query heads that share a KV head
    constexpr int first_segment() const { return first_token / segment_length; } ///< that has a query
    constexpr int segments() const {                                             ///< that have queries
        return (first_token + tokens - 1) / segment_length - first_segment() + 1;
    }

    /// Queries and keys that the longest segment can select, whatever the phase: tiles are counted by them.
    constexpr int most_rows() const { return most_rows(tokens); }
    constexpr int most_keys() const { return most_rows(key_tokens); }

private:
    constexpr int most_rows(int held) const {
        const int longest = segment_length < held ? segment_length : held;
        return (longest + dilation_rate - 1) / dilation_rate;
    }
};

} // namespace dra::cuda
