#pragma once
/// \file
/// One pattern's attention as a kernel is told it: pointers, sizes, strides of the definition, by value.
///
/// Neutral: no CUDA header, no target's namespace, so that the host code of both targets shares it. The numbers come
/// from a validated Problem; nothing here is checked again.

#include "reference/definition/phase_rule.hpp"

namespace dra::cuda {

/// One pattern over all batches and the KV heads [first_kv_head, first_kv_head + kv_head_count) that use it.
///
/// Tensors are dense and on the device. Rows of heads that do not use the pattern are neither read nor written.
///
/// In a step of a ring q, out and lse hold some tokens of the sequence, and k and v hold others: n and m successive
/// ones. Elsewhere all of them hold all N.
struct Parameters {
    const void* q; ///< [B, n, H, D]
    const void* k; ///< [B, m, Hkv, D]
    const void* v; ///< [B, m, Hkv, D]
    void* out;     ///< [B, n, H, D], in the type, or float when a partial is written
    float* lse;    ///< [B, H, n], natural logarithm

    int batch;    ///< B
    int tokens;   ///< n
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

    int first_token = 0;     ///< position of the first token of q, out and lse
    int first_key_token = 0; ///< position of the first token of k and v
    int key_tokens = 0;      ///< m; or 0: k and v hold the tokens of q, which are all N

    /// Queries and keys are of other tokens, so that they are two views.
    constexpr bool two_views() const { return key_tokens != 0; }

    constexpr int query_heads_per_kv_head() const { return heads / kv_heads; } ///< H / Hkv

    /// The number of segments that have a token of q.
    constexpr int segments() const { return (first_token % segment_length + tokens - 1) / segment_length + 1; }

    /// The most queries, and keys, that a segment can select, whatever the phase: tiles are counted by them.
    constexpr int most_rows() const { return most_selected(tokens); }
    constexpr int most_keys() const { return most_selected(two_views() ? key_tokens : tokens); }

private:
    constexpr int most_selected(int held) const {
        const int longest = segment_length < held ? segment_length : held;
        return (longest + dilation_rate - 1) / dilation_rate;
    }
};

} // namespace dra::cuda
