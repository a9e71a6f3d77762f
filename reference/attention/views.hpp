#pragma once
/// \file
/// The views of a problem: the rows that one pattern selects in one segment, for one KV head.
///
/// Everything that goes over a whole problem goes over these, pattern by pattern. Not installed.

#include "reference/attention/partial.hpp"
#include "reference/definition/pattern.hpp"

#include <algorithm>

namespace dra {

/// The rows of one segment, as one KV head selects them.
struct View {
    Index b, g, segment;
    Pattern pattern;     ///< the pattern as KV head g uses it
    Positions positions; ///< the positions of the rows
    Combine combine;     ///< a head's first pattern stores, the others merge

    /// The rows between the t-th row and the one before it, or the segment's begin or end.
    Positions left_out(Index t, Index tokens) const {
        const Index begin = segment * pattern.segment_length, r = pattern.dilation_rate;
        return Positions{begin + pattern.phase + (t - 1) * r + 1, 1, r - 1}.within(
            begin, std::min(begin + pattern.segment_length, tokens));
    }
};

/// The views of one pattern of a problem, by number: (b, segment, KV head that uses it), the head running first, since
/// the rows of all heads lie side by side in memory. Closed forms: nothing is listed, nothing is allocated.
class Views {
public:
    /// The views of `pattern`; `problem` must outlive them.
    Views(const Problem& problem, Index pattern)
        : problem_(problem), pattern_(pattern), heads_(heads_of(problem, pattern)) {
        const Pattern any_phase = pattern_of(problem, pattern, heads_.begin);
        segments_ = any_phase.segments(problem.tokens);
        longest_ = std::min(ceil_div(any_phase.segment_length, any_phase.dilation_rate), problem.tokens);
    }

    Index count() const { return problem_.batch * segments_ * heads(); }
    Index longest() const { return longest_; }        ///< an upper bound of a view's rows
    Index first_head() const { return heads_.begin; } ///< the first KV head that uses the pattern
    Index heads() const { return heads_.size(); }     ///< the KV heads that use it

    View operator[](Index i) const {
        const Index g = heads_.begin + i % heads(), segment = i / heads() % segments_;
        const Pattern pattern = pattern_of(problem_, pattern_, g);
        const bool first = problem_.mode == Mode::groups || pattern_ == 0; // of the head's patterns
        return {i / heads() / segments_,
                g,
                segment,
                pattern,
                pattern.selected(segment, problem_.tokens),
                first ? Combine::store : Combine::merge};
    }

private:
    const Problem& problem_;
    Index pattern_;
    Interval heads_;
    Index segments_, longest_;
};

} // namespace dra
