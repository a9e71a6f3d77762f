#pragma once
/// \file
/// Fix 5, caching. It teaches that a cache is a second-best answer to a thing that need not exist: it buys back time
/// with n^2 bytes, and what is arithmetic needs no cache.
///
/// The report: "Added caching for masks and patterns ... significant reduction in repeated computations".
/// The class: causal masks kept by (n_q, n_kv, offset), n^2 bytes of them in every module; above 100 entries the 50
/// oldest are dropped, first in, first out, whatever was used last. Head groups are kept. A pattern cache exists and is
/// never read, so that index lists are rebuilt.
///
/// | rung       | masks                                     | head groups                 | index lists | kept        |
/// |------------|-------------------------------------------|-----------------------------|-------------|-------------|
/// | before     | rebuilt per chunk and group               | rebuilt per chunk and group | rebuilt     | nothing     |
/// | after      | first in, first out, 101 to 51            | kept                        | rebuilt     | up to n^2 B |
/// | principled | none; rebuilt where fix 1 still asks      | closed form                 | none        | nothing     |
///
/// Repaired: nothing; masks are of original positions here. Without causality there is no mask, and only head groups
/// are kept; with fix 1 principled likewise. Index lists are fix 2's, and the same in all three rungs while that asks.

#include "reference/definition/pattern.hpp"
#include "reference/published/fix_1_causal_mask.hpp"
#include "reference/published/rung.hpp"

#include <deque>
#include <memory>

namespace dra::published {

/// How a mask is filled: fix 1's seam.
using FillMask = CausalMask (*)(Index n_q, Index n_kv, Index chunk_offset);

/// What the pipeline owns between its calls: fix 5's seam.
class Keeper {
public:
    virtual ~Keeper() = default;
    /// The mask of a chunk, valid until the next is asked for.
    virtual const CausalMask& mask(Index n_q, Index n_kv, Index chunk_offset, Counts& counts) = 0;
    /// The KV heads that use a pattern.
    virtual Interval heads(Index pattern, Counts& counts) = 0;
    /// Called when a pipeline call is over: drops what is not kept.
    virtual void forget_current() {}
    /// The bytes of masks that outlive the call.
    virtual Index mask_bytes_kept() const { return 0; }
};

namespace fix_5 {

/// The KV heads of every pattern, found head by head. O(Hkv) per pattern.
std::vector<Interval> head_groups(const Problem& problem, Counts& counts);

/// The KV heads of one pattern in closed form: heads_of(), but [0, 0) where there are none, as the list has it. O(1).
Interval head_range(const Problem& problem, Index pattern);

/// The published mask cache: above `most` masks the `dropped` oldest are dropped.
class MaskCache {
public:
    static constexpr std::size_t most = 100, dropped = 50;

    explicit MaskCache(FillMask fill) : fill_(fill) {}
    const CausalMask& get(Index n_q, Index n_kv, Index chunk_offset, Counts& counts);
    std::size_t size() const { return masks_.size(); }
    Index bytes() const;

private:
    FillMask fill_;
    std::deque<CausalMask> masks_; ///< oldest first; a mask carries its own key
};

/// The three keepers. `fill` makes the masks that fix 1's rung asks for.
std::unique_ptr<Keeper> before(const Problem& problem, FillMask fill);
std::unique_ptr<Keeper> after(const Problem& problem, FillMask fill);
std::unique_ptr<Keeper> principled(const Problem& problem, FillMask fill);

} // namespace fix_5
} // namespace dra::published
