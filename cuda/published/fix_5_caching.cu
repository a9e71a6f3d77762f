#include "cuda/published/fix_5_caching.hpp"
#include "reference/ring/shard.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace dra::cuda::DRA_TARGET::rungs::fix_5 {
namespace {

/// An index list and the memory it lies in.
struct OwnedList {
    CountedMemory memory;
    IndexList list;
};

/// A list that is made on the host, and copied to memory that is asked for.
OwnedList made_on_host(CountedStream& stream, const Parameters& pattern, IntInterval tokens) {
    const std::vector<int> indices = fix_2::index_list(pattern, tokens);
    CountedMemory memory(stream, indices.size() * sizeof(int));
    memory.copy_from(indices.data());
    const Index elements = std::ranges::count_if(indices, [](int index) { return index >= 0; });
    stream.counts.index_elements += elements;
    const auto* data = memory.as<int>();
    return {std::move(memory), {data, elements}};
}

/// What all three keepers have: the problem, the stream, and how a mask is filled.
class KeeperBase : public Keeper {
public:
    KeeperBase(const Problem& problem, CountedStream& stream, fix_1::FillMask fill)
        : problem_(problem), stream_(stream), fill_(fill) {}

protected:
    CountedMemory mask_memory(IntInterval chunk) {
        return {stream_, static_cast<std::size_t>(problem_.tokens) * static_cast<std::size_t>(chunk.size())};
    }
    const unsigned char* filled(const CountedMemory& memory, IntInterval chunk) {
        fill_(stream_, memory.as<unsigned char>(), static_cast<int>(problem_.tokens), chunk);
        return memory.as<unsigned char>();
    }

    Problem problem_;
    CountedStream& stream_;

private:
    fix_1::FillMask fill_;
};

/// The keeper that keeps nothing.
class RebuiltEachTime : public KeeperBase {
public:
    using KeeperBase::KeeperBase;
    const unsigned char* mask(IntInterval chunk) override {
        mask_ = mask_memory(chunk);
        return filled(mask_, chunk);
    }
    IndexList rows(const Parameters& pattern, IntInterval tokens) override {
        return lists_.emplace_back(made_on_host(stream_, pattern, tokens)).list;
    }
    Interval heads(Index pattern) override {
        return published::fix_5::head_groups(problem_, stream_.counts).at(static_cast<std::size_t>(pattern));
    }
    void release() override {
        mask_ = {};
        lists_.clear();
    }

private:
    CountedMemory mask_;
    std::vector<OwnedList> lists_;
};

/// The keeper with the published caches, of masks and of head groups.
class PublishedCaches : public RebuiltEachTime {
public:
    using RebuiltEachTime::RebuiltEachTime;
    const unsigned char* mask(IntInterval chunk) override {
        const auto found = std::ranges::find(masks_, chunk, &KeptMask::chunk);
        if (found != masks_.end()) return found->memory.as<unsigned char>();
        masks_.push_back({chunk, mask_memory(chunk)});
        filled(masks_.back().memory, chunk);
        if (masks_.size() > published::fix_5::MaskCache::most)
            masks_.erase(masks_.begin(), masks_.begin() + published::fix_5::MaskCache::dropped);
        return masks_.back().memory.as<unsigned char>();
    }
    Interval heads(Index pattern) override {
        if (groups_.empty()) groups_ = published::fix_5::head_groups(problem_, stream_.counts);
        return groups_.at(static_cast<std::size_t>(pattern));
    }
    Index mask_bytes_kept() const override {
        Index bytes = 0;
        for (const KeptMask& kept : masks_) bytes += static_cast<Index>(kept.memory.bytes());
        return bytes;
    }

private:
    /// A mask, and the chunk that it is for.
    struct KeptMask {
        IntInterval chunk;
        CountedMemory memory;
    };
    std::deque<KeptMask> masks_; ///< masks of N queries, the oldest first
    std::vector<Interval> groups_;
};

/// The keeper that is asked for everything before the first call, and has it when it is asked again.
class MadeByThePlan : public KeeperBase {
public:
    using KeeperBase::KeeperBase;
    const unsigned char* mask(IntInterval chunk) override {
        if (!mask_) { // the first chunk is the longest
            const Interval first = dra::chunk(0, problem_.ranks, {0, problem_.tokens});
            mask_ = mask_memory({0, std::max(static_cast<int>(first.size()), chunk.size())});
        }
        return filled(*mask_, chunk);
    }
    IndexList rows(const Parameters& pattern, IntInterval tokens) override {
        for (const KeptList& kept : lists_)
            if (kept.first_kv_head == pattern.first_kv_head && kept.segment_length == pattern.segment_length &&
                kept.dilation_rate == pattern.dilation_rate && kept.tokens == tokens)
                return kept.owned.list;
        lists_.push_back({pattern.first_kv_head, pattern.segment_length, pattern.dilation_rate, tokens,
                          made_on_host(stream_, pattern, tokens)});
        return lists_.back().owned.list;
    }
    Interval heads(Index pattern) override { return published::fix_5::head_range(problem_, pattern); }

private:
    /// An index list, and what it is for.
    struct KeptList {
        int first_kv_head, segment_length, dilation_rate;
        IntInterval tokens;
        OwnedList owned;
    };
    std::optional<CountedMemory> mask_;
    std::vector<KeptList> lists_;
};

} // namespace

std::unique_ptr<Keeper> before(const Problem& problem, CountedStream& stream, fix_1::FillMask fill) {
    return std::make_unique<RebuiltEachTime>(problem, stream, fill);
}
std::unique_ptr<Keeper> after(const Problem& problem, CountedStream& stream, fix_1::FillMask fill) {
    return std::make_unique<PublishedCaches>(problem, stream, fill);
}
std::unique_ptr<Keeper> principled(const Problem& problem, CountedStream& stream, fix_1::FillMask fill) {
    return std::make_unique<MadeByThePlan>(problem, stream, fill);
}

} // namespace dra::cuda::DRA_TARGET::rungs::fix_5
