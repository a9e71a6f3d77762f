#pragma once
/// \file
/// The published pipeline, a collective ring on one rank of R, with a rung chosen for each of the five fixes.
///
/// As in the class, every rank holds all of q, k and v, gathers k and v of R chunks of ceil(N/R) tokens, and computes
/// all rows against every chunk; the other ranks would do exactly the same (defect `replicated-ring`: R times the
/// FLOPs). One rank is run.
///
///     for chunk c:  for pattern i:           mask of (N queries, chunk), seam 1 through seam 5
///         for KV head g of i, seam 5:  for segment s that touches c:  for b:
///             keys of s in c, seam 2;  pack
///             for query head h of g:         rows of s, seam 2
///                 (out, lse)[rows] = merge(., attention of rows over keys)        seams 3 and 4
///
/// Four seams: where the mask comes from (1), where the rows come from (2), how a chunk is attended and its statistics
/// found (3 and 4), what is kept between calls (5). All else - the gathered chunks, the products, tiles, packing and
/// the parallel loop over the panels of a call - is the same code in all 243 combinations, so that nothing is credited
/// to a fix but what it is about.
///
/// Repaired in this loop, for the class was wrong here, and what the repair costs:
/// - partials are merged by lse, not by maximum (`merge-by-max`, `merge-unnormalised`): one logarithm and one
///   exponential per row and chunk;
/// - segments are attended in the ring as everywhere (`segments-ignored`): fewer pairs, n w instead of n^2;
/// - phases and causality are judged on global positions (`chunk-relative-phase`, `causal-on-dilated-index`): nothing;
/// - results go to the rows that they belong to (`rows-not-scattered`): nothing;
/// - chunks are never empty or negative (`tail-negative`), rows that see nothing are (0, -inf) (`empty-row-nan`):
///   nothing.

#include "reference/definition/pattern.hpp"
#include "reference/published/fix_3_double_computation.hpp"
#include "reference/published/fix_5_caching.hpp"
#include "reference/ring/shard.hpp"

namespace dra::published {

/// One rank of the ring, and what it keeps between its calls. float and double.
template <class T> class Pipeline {
public:
    Pipeline(const Problem& problem, Rungs rungs, LostSum lost_sum = LostSum::restored);

    /// Attention of the whole problem through problem.ranks chunks; out and lse are overwritten entirely, poison
    /// included.
    void run(const InputsView<T>& inputs, const AttentionView<T>& into);
    Attention<T> run(const InputsView<T>& inputs);

    /// The same over k and v where they are, as one chunk: without the gather, for the isolated forms. The methods of
    /// fix 4 are still picked by problem.ranks.
    void run_without_ring(const InputsView<T>& inputs, const AttentionView<T>& into);

    /// What the last run counted; mask_bytes_kept is what this object holds now.
    const Counts& counts() const { return counts_; }
    const Rungs& rungs() const { return rungs_; }

private:
    struct Chunk {
        Interval tokens;
        TensorView<const T> k, v; ///< [B, tokens.size(), Hkv, D]
    };

    std::vector<Chunk> all_gather(TensorView<const T> k, TensorView<const T> v);
    void run_chunks(const std::vector<Chunk>& chunks, const InputsView<T>& inputs, const AttentionView<T>& into);
    void attend_chunk(const Chunk& chunk, TensorView<const T> q, const AttentionView<T>& into);
    void attend_segment(const Chunk& chunk, const CausalMask* mask, const Pattern& pattern, Index kv_head,
                        Index segment, TensorView<const T> q, const AttentionView<T>& into);

    Problem problem_;
    Rungs rungs_;
    void (*statistics_)(const AttendCall<T>&, Method<T>, Partial<T>, Combine); ///< seam 3
    Method<T> method_;                                                         ///< seam 4
    std::unique_ptr<Keeper> keeper_;                                           ///< seam 5, which holds seam 1
    Workspace<T> workspace_;
    std::vector<std::pair<Tensor<T>, Tensor<T>>> gathered_; ///< k and v of each chunk
    Counts counts_;
};

} // namespace dra::published
