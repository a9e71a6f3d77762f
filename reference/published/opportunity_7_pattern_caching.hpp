#pragma once
/// \file
/// Opportunity 7, pattern caching. It teaches that three numbers say which rows a pattern selects: a list of them is
/// work, a cache of lists is memory, and a closed form is neither.
///
/// The report: "Pattern Caching: extend caching to dilation patterns". Fix 5 had added a pattern cache already, which
/// nothing ever reads; here it is read.
///
///     list[t] = s w + o + t r        before: made for every view of a call; after: found by (pattern, head, segment)
///     (first, stride, count) = (s w + o, r, ceil((w - o) / r))                                          principled
///
/// | rung       | the rows of a view come from | time and memory of a call's views   |
/// |------------|------------------------------|-------------------------------------|
/// | before     | a list, made each time       | O(n), nothing kept                  |
/// | after      | a list, kept                 | O(views), 8 bytes per row and head  |
/// | principled | a closed form                | O(views), nothing kept              |
///
/// All three copy the rows (copied_rows.hpp), so that nothing is credited to a list but the list; that a closed form
/// needs no copy either is fix 2.

#include "reference/published/copied_rows.hpp"

#include <map>

namespace dra::published::opportunity_7 {

/// The positions, one by one, counted as index elements.
std::vector<Index> list(const Positions& positions, Counts& counts);

/// Lists, kept by pattern, KV head and segment. They are never dropped.
class PatternCache {
public:
    const std::vector<Index>& get(Index pattern, const View& view, Counts& counts);
    Index bytes() const { return entries_ * static_cast<Index>(sizeof(Index)); }

private:
    std::map<std::array<Index, 3>, std::vector<Index>> lists_;
    Index entries_ = 0;
};

/// Attention of copied rows, found in the rung's way.
template <class T> Call<T> call(Rung rung, const Problem& problem);

} // namespace dra::published::opportunity_7
