#pragma once
/// \file
/// Fixes 1 and 5 alone: what a pipeline call asks for before it attends. Fixes 2, 3 and 4 alone are a Pipeline over one
/// chunk with all other fixes principled.

#include "cuda/published/chunks_and_patterns.hpp"
#include "cuda/published/fix_5_caching.hpp"
#include "cuda/published/stream_runnable.hpp"

#include <optional>

namespace dra::cuda::DRA_TARGET::rungs {

/// Fix 1 alone: the mask, or the extents, of every chunk and pattern, in memory that is allocated before.
class CausalMasks final : public StreamRunnable {
public:
    CausalMasks(const Problem& problem, published::Rung rung);
    void forget() override {}
    bool exact() override;

protected:
    void queue() override;

private:
    void fill(IntInterval chunk);

    Problem problem_;
    published::Rung rung_;
    Buffer<std::byte> memory_; ///< room for the longest chunk's mask, or for N extents
};

/// Fix 5 alone: masks, index lists and head groups of one pipeline call, with masks filled by one kernel. The
/// principled form has extents in the plan's memory, and no list.
class CacheRequests final : public StreamRunnable {
public:
    CacheRequests(const Problem& problem, published::Rung rung);
    void forget() override;
    bool exact() override;

protected:
    void queue() override;
    void note_what_is_kept(published::Counts& counts) const override;

private:
    void ask(IntInterval chunk, const NumberedPattern& pattern);

    Problem problem_;
    published::Rung rung_;
    std::unique_ptr<Keeper> keeper_;
    Buffer<int> extents_; ///< the extents of the principled form
    bool judging_ = false, right_ = true;
};

} // namespace dra::cuda::DRA_TARGET::rungs
