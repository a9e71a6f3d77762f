#pragma once
/// \file
/// The views of a problem: the rows that one pattern selects in one segment, for one KV head.
///
/// Everything that goes over a whole problem goes over these, pattern by pattern. Not installed.

#include "reference/attention/partial.hpp"
#include "reference/definition/pattern.hpp"

#include <algorithm>
#include <vector>

namespace dra {

/// The rows of one segment, as one KV head selects them.
struct View {
    Index b, g, segment;
    Pattern pattern;
    Positions positions;
    Combine combine; ///< a head's first pattern stores, the others merge
};

/// The views of one pattern of a problem, by number: (b, segment, KV head that uses it), the head running first, since
/// the rows of all heads lie side by side in memory.
class Views {
public:
    Views(const Problem& problem, Index pattern) : problem_(problem), pattern_(pattern) {
        for (Index g = 0; g < problem.kv_heads; ++g)
            if (uses(problem, pattern, g)) kv_heads_.push_back(g);
        const Pattern any_phase = pattern_of(problem, pattern, 0);
        segments_ = any_phase.segments(problem.tokens);
        longest_ = std::min(ceil_div(any_phase.segment_length, any_phase.dilation_rate), problem.tokens);
    }

    Index count() const { return problem_.batch * segments_ * heads(); }
    Index longest() const { return longest_; } ///< an upper bound of the rows of a view

    View operator[](Index i) const {
        const Index g = kv_heads_[static_cast<std::size_t>(i % heads())], segment = i / heads() % segments_;
        const Pattern pattern = pattern_of(problem_, pattern_, g);
        return {i / heads() / segments_,
                g,
                segment,
                pattern,
                pattern.selected(segment, problem_.tokens),
                is_first(g) ? Combine::store : Combine::merge};
    }

private:
    Index heads() const { return static_cast<Index>(kv_heads_.size()); }

    bool is_first(Index g) const {
        for (Index i = 0; i < pattern_; ++i)
            if (uses(problem_, i, g)) return false;
        return true;
    }

    const Problem& problem_;
    Index pattern_, segments_, longest_;
    std::vector<Index> kv_heads_;
};

} // namespace dra
