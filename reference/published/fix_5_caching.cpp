#include "reference/published/fix_5_caching.hpp"

#include "reference/definition/pattern.hpp"

#include <algorithm>

namespace dra::published::fix_5 {

std::vector<Interval> head_groups(const Problem& problem, Counts& counts) {
    std::vector<Interval> groups(static_cast<std::size_t>(problem.patterns()));
    for (Index g = problem.kv_heads; g-- > 0;)
        for (Index i = 0; i < problem.patterns(); ++i)
            if (Interval& range = groups[i]; uses(problem, i, g)) {
                if (range.end == 0) range.end = g + 1;
                range.begin = g;
            }
    counts.head_groups += problem.patterns();
    return groups;
}

Interval head_range(const Problem& problem, Index pattern) {
    const Interval heads = heads_of(problem, pattern);
    return heads.size() == 0 ? Interval{} : heads;
}

const CausalMask& MaskCache::get(Index n_q, Index n_kv, Index chunk_offset, Counts& counts) {
    const auto found = std::find_if(masks_.begin(), masks_.end(), [&](const CausalMask& m) {
        return m.n_q == n_q && m.n_kv == n_kv && m.chunk_offset == chunk_offset;
    });
    if (found != masks_.end()) return *found;
    masks_.push_back(fill_(n_q, n_kv, chunk_offset));
    counts.mask_elements += masks_.back().elements();
    if (masks_.size() > most) masks_.erase(masks_.begin(), masks_.begin() + dropped);
    return masks_.back();
}

Index MaskCache::bytes() const {
    Index sum = 0;
    for (const auto& mask : masks_) sum += mask.dense.size() * static_cast<Index>(sizeof(bool));
    return sum;
}

namespace {

class RebuildingKeeper : public Keeper {
public:
    RebuildingKeeper(const Problem& problem, FillMask fill) : problem_(problem), fill_(fill) {}
    const CausalMask& mask(Index n_q, Index n_kv, Index chunk_offset, Counts& counts) override {
        current_ = {}; // never two at a time
        current_ = fill_(n_q, n_kv, chunk_offset);
        counts.mask_elements += current_.elements();
        return current_;
    }
    Interval heads(Index pattern, Counts& counts) override { return head_groups(problem_, counts)[pattern]; }
    void forget_current() override { current_ = {}; }

protected:
    Problem problem_;

private:
    FillMask fill_;
    CausalMask current_;
};

class PublishedCaches : public Keeper {
public:
    PublishedCaches(const Problem& problem, FillMask fill) : problem_(problem), masks_(fill) {}
    const CausalMask& mask(Index n_q, Index n_kv, Index chunk_offset, Counts& counts) override {
        return masks_.get(n_q, n_kv, chunk_offset, counts);
    }
    Interval heads(Index pattern, Counts& counts) override {
        if (groups_.empty()) groups_ = head_groups(problem_, counts);
        return groups_[pattern];
    }
    Index mask_bytes_kept() const override { return masks_.bytes(); }

private:
    Problem problem_;
    MaskCache masks_;
    std::vector<Interval> groups_;
};

class ClosedForms : public RebuildingKeeper {
public:
    using RebuildingKeeper::RebuildingKeeper;
    Interval heads(Index pattern, Counts&) override { return head_range(problem_, pattern); }
};

} // namespace

std::unique_ptr<Keeper> before(const Problem& problem, FillMask fill) {
    return std::make_unique<RebuildingKeeper>(problem, fill);
}
std::unique_ptr<Keeper> after(const Problem& problem, FillMask fill) {
    return std::make_unique<PublishedCaches>(problem, fill);
}
std::unique_ptr<Keeper> principled(const Problem& problem, FillMask fill) {
    return std::make_unique<ClosedForms>(problem, fill);
}

} // namespace dra::published::fix_5
