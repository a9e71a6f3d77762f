#pragma once
/// \file
/// The rows that a head's first pattern leaves out: nobody stores there, so whoever overwrites a result clears them.
/// Not installed.

#include "reference/attention/team.hpp"
#include "reference/attention/views.hpp"

namespace dra {

/// clear(b, g, rows) for the rows that views of one pattern leave out, where it is the first of its heads. Called by
/// every thread of the team.
template <class Clear>
void for_each_left_out(int threads, const Problem& problem, Index pattern, const Views& views, const Clear& clear) {
    const Index others = problem.dilation_rates[static_cast<std::size_t>(pattern)] - 1;
    share_out(threads, views.count() * others, [&](Index item) {
        const View view = views[item / others];
        if (view.combine != Combine::store) return;
        const Pattern left_out{view.pattern.segment_length, view.pattern.dilation_rate,
                               (view.pattern.phase + 1 + item % others) % view.pattern.dilation_rate};
        clear(view.b, view.g, left_out.selected(view.segment, problem.tokens));
    });
}

} // namespace dra
