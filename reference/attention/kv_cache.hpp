#pragma once
/// \file
/// Decoding with a KV cache: what later tokens can see of k and v is kept, so that a token costs what it sees, not its
/// whole prefix.
///
/// Row t of the causal result is one partial per pattern, merged; later tokens do not enter it:
///
///     (out_t, lse_t) = merge over patterns i of attention of q_t over the keys j <= t that i selects in t's segment
///
/// Once t has left a segment nobody sees its keys again. The p-th selected row of a segment is therefore kept at place
/// p, where the next segment's p-th row takes its place: memory is ceil(w / r) rows of k and v for every pattern, batch
/// and KV head, however many tokens come, and rows that nobody selects are not kept at all.
///
/// A token's key is there before its query asks for it, since both come in one call; taking the offset of a token
/// before its key is appended is defect `decode-phase`.

#include "reference/attention/opaque_memory.hpp"
#include "reference/definition/problem.hpp"

namespace dra {

/// Keys and values of the tokens so far, and attention of the next ones. float and double.
template <class T> class KvCache {
public:
    /// An empty cache for at most problem.tokens tokens. All memory is allocated here. Throws PatternError where the
    /// problem is not causal, or has dropout.
    explicit KvCache(const Problem& problem);

    /// Appends the next n tokens of a prompt whose attention nobody asks for; k and v [B, n, Hkv, D].
    ///
    /// Throws ShapeError where shapes are not those of the problem, or n is more than the tokens that are left.
    void append(TensorView<const T> k, TensorView<const T> v);

    /// Appends the next n tokens, and attends; q and out [B, n, H, D], lse [B, H, n], both overwritten entirely.
    ///
    /// The result is that of dilated_attention() over all tokens so far, bit for bit, in its last n rows. Of a segment
    /// and KV head, selected rows are read, once for all query heads and tokens, and no other. 4 D FLOPs per visible
    /// pair; no allocation. KV heads are shared out among all cores. Throws as append() does, before anything is
    /// changed.
    void decode(const InputsView<T>& inputs, const AttentionView<T>& into);

    Index tokens() const { return tokens_; }       ///< the tokens so far
    Index rows_read() const { return rows_read_; } ///< rows of k, and as many of v, that the last decode() read

    /// Rows of k, and as many of v, that later tokens can see: over batch, KV heads and the patterns that they use.
    Index rows_kept() const;

private:
    struct Memory;

    void check(TensorView<const T> k, TensorView<const T> v) const;

    Problem problem_;
    Index tokens_ = 0, rows_read_ = 0;
    OpaqueMemory<Memory> memory_;
};

} // namespace dra
