#pragma once
/// \file
/// The published pipeline on a device: a collective ring on one rank of R, with a rung chosen for each of the five
/// fixes. The counterpart of reference/published/pipeline.hpp, which says what is repaired in it and what that costs.
///
///     for chunk c:  copy its k and v
///         for pattern i:   mask of (N queries, chunk), seam 1 through seam 5;  heads, seam 5
///             rows of the segments that touch c, seam 2, by index lists from seam 5
///             one launch for all batches, heads, segments and tiles: (out, lse) of rows over keys     seams 3 and 4
///             merged into the sum, in the same kernel or by one of its own
///     the sum is rounded to the type
///
/// All else is the same code in all 243 combinations. Gathered rows, partials and the sum lie in a workspace that every
/// combination makes once, as a caching allocator would have them; only what fix 5 is about is asked for in a call.

#include "cuda/published/chunks_and_patterns.hpp"
#include "cuda/published/fix_3_double_computation.hpp"
#include "cuda/published/fix_5_caching.hpp"
#include "cuda/published/stream_runnable.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// q, k and v on the device.
struct Inputs final : DeviceInputs {
    Inputs(DType type, TensorView<const float> q, TensorView<const float> k, TensorView<const float> v);

    DType type;
    Stream stream;
    Buffer<std::byte> q, k, v;
};

/// The pipeline, with a rung chosen for each fix.
class Pipeline final : public StreamRunnable {
public:
    Pipeline(const Problem& problem, published::Rungs rungs, PipelineOptions options, const Inputs& inputs);

    Attention<float> result() override;
    void forget() override;

protected:
    void queue() override;
    void note_what_is_kept(published::Counts& counts) const override;

private:
    /// A chunk of the ring, and where its keys and values are.
    struct Chunk {
        IntInterval tokens;
        const void *k, *v;              ///< [B, tokens.size(), Hkv, D]
        Buffer<std::byte> own_k, own_v; ///< empty without a ring
    };

    void make_workspace();
    void gather_chunk(Chunk& chunk);
    void discard_three_attentions();
    void discard(const NumberedPattern& pattern, const fix_2::Source& x);
    void attend(const Chunk& chunk, const NumberedPattern& pattern);
    bool copies_rows() const { return rungs_[published::Fix::discarded_attention] != published::Rung::principled; }
    bool has_mask() const {
        return problem_.causal && rungs_[published::Fix::causal_mask] != published::Rung::principled;
    }

    Problem problem_;
    published::Rungs rungs_;
    bool ring_;
    const Inputs& inputs_;
    std::vector<NumberedPattern> patterns_;
    fix_3::ByStatistics statistics_; ///< seam 3
    Method method_;                  ///< seam 4
    std::unique_ptr<Keeper> keeper_; ///< seam 5, which holds seam 1

    std::vector<Chunk> chunks_;
    Buffer<std::byte> gathered_q_, gathered_k_, gathered_v_, out_;
    Buffer<float> partial_out_, partial_lse_, sum_out_, sum_lse_;
};

} // namespace dra::cuda::DRA_TARGET::rungs
