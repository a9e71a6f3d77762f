#pragma once
/// \file
/// The rows that a head's first pattern leaves out: nobody stores there, so whoever overwrites a result clears them.
/// Not installed.

#include "reference/attention/team.hpp"
#include "reference/attention/views.hpp"

namespace dra {

/// Gaps of a view that are cleared at once: all heads of so many tokens, which lie side by side in memory.
inline constexpr Index gaps_at_once = 16;

/// Calls clear(b, g, rows) for the rows that views of one pattern leave out, where it is the first of its heads: one
/// gap between two selected rows after the other. Called by every thread of the team.
template <class Clear>
void for_each_left_out(int threads, const Problem& problem, Index pattern, const Views& views, const Clear& clear) {
    if (problem.dilation_rates[pattern] == 1) return; // it leaves out none
    const Index shares = ceil_div(views.longest() + 1, gaps_at_once), heads = std::max<Index>(views.heads(), 1);
    share_out(threads, views.count() / heads * shares, [&](Index item) {
        for (Index g = 0; g < heads; ++g) {
            const View view = views[item / shares * heads + g];
            if (view.combine != Combine::store) return;
            const Index first = item % shares * gaps_at_once, end = view.positions.count + 1; // one more gap than rows
            for (Index gap = first; gap < std::min(first + gaps_at_once, end); ++gap)
                clear(view.b, view.g, view.left_out(gap, problem.tokens));
        }
    });
}

} // namespace dra
