#pragma once
/// \file
/// Opportunity 9, the KV cache. It teaches that what may be forgotten is worth more than what is kept.
///
/// The report: "KV Caching: implement proper key-value caching for inference". The class has none, and computes the
/// whole prefix for every token. A dense cache, as inference code has it, knows nothing of patterns: it keeps every
/// row, reads every row, and hides by a mask what the token does not see.
///
/// | rung       | a token t computes                        | rows read per head        | rows kept per head  |
/// |------------|-------------------------------------------|---------------------------|---------------------|
/// | before     | attention of the whole prefix             | all that are selected     | t, of the prefix    |
/// | after      | its row, over all tokens and a mask       | t + 1 per pattern         | t + 1               |
/// | principled | its row, over what its segment selects    | at most w / r per pattern | w / r per pattern   |
///
/// One call decodes the last token of a sequence whose others are there. The kernel is the engine's in all three rungs.
/// Nothing to repair; the defect that waits here is `decode-phase`.

#include "reference/attention/kv_cache.hpp"
#include "reference/published/copied_rows.hpp"

namespace dra::published::opportunity_9 {

/// The tensors of one token: q and out [B, 1, H, D], k and v [B, 1, Hkv, D], lse [B, H, 1].
template <class T> using Token = Tensors<T>;

/// A sequence that is decoded: what all three rungs do.
template <class T> class Decoder {
public:
    virtual ~Decoder() = default;
    /// Returns to the state in which all tokens but the last are there. No part of a call.
    virtual void prepare() = 0;
    /// Decodes the last token.
    virtual Counts decode(const Token<T>& token) = 0;
};

/// The rung's decoder of a causal problem of N tokens; q [B, N, H, D], k and v [B, N, Hkv, D] must outlive it. float
/// and double.
template <class T> std::unique_ptr<Decoder<T>> decoder(Rung rung, const Problem& problem, const InputsView<T>& inputs);

/// `count` tokens of a tensor, from position `begin` on.
template <class T> Tensor<T> tokens_of(TensorView<const T> x, Index begin, Index count);

} // namespace dra::published::opportunity_9
