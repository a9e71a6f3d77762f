#pragma once
/// \file
/// Patterns: segments, dilation, phases and head groups, as positions in closed form.

#include "reference/definition/problem.hpp"

namespace dra {

/// A pattern as one KV head uses it: segments of w tokens, of which every r-th is selected from the phase on.
///
/// A query sees a key when both are selected in the same segment and (if causal) the key is not later.
struct Pattern {
    Index segment_length; ///< w
    Index dilation_rate;  ///< r
    Index phase;          ///< o, 0 <= o < r

    /// The number of segments of a sequence of `tokens`; the last one may be shorter than w.
    Index segments(Index tokens) const { return ceil_div(tokens, segment_length); }

    /// The segment that a token lies in; tokens [begin, end) lie in segments segment_of(begin), ..., segments(end) - 1.
    Index segment_of(Index token) const { return token / segment_length; }

    /// The positions s*w + o + t*r of segment s: a stride, no index list. Empty where a short last segment ends before
    /// o.
    Positions selected(Index segment, Index tokens) const {
        const Index begin = segment * segment_length;
        return Positions{begin + phase, dilation_rate, ceil_div(segment_length - phase, dilation_rate)}.within(begin,
                                                                                                               tokens);
    }
};

/// The group of KV head g when `kv_heads` are split into `groups` of Hkv/G heads; the remainder goes to the last
/// groups, one head each.
///
/// Defect `heads-first` gives it to the first groups instead.
Index head_group(Index kv_head, Index kv_heads, Index groups);

/// Pattern i as KV head g uses it.
Pattern pattern_of(const Problem& problem, Index pattern, Index kv_head);

/// Whether KV head g uses pattern i: its own group's in groups mode, every one in a mixture.
bool uses(const Problem& problem, Index pattern, Index kv_head);

/// The KV heads that use pattern i, which lie side by side; none where its group is empty. head_group() the other way
/// round. O(1).
Interval heads_of(const Problem& problem, Index pattern);

} // namespace dra
