#pragma once
/// \file
/// What a wrong result gives away by itself: properties that a correct one has, whatever the program looks like inside.
///
/// Each is concluded from the one result, and only where it follows; many a property cannot be seen from many a result.

#include "reference/defects/places.hpp"

namespace dra::defects {

/// A property that does not hold, and what shows it.
struct Violation {
    std::string property;
    std::string evidence;
};

/// The properties that are looked for:
///
/// finite                         no NaN, no infinity in out, nor +inf or NaN in lse
/// empty-rows-are-zero            a row that sees no key is (0, -inf)
/// weights-sum-to-one             of a channel in which v is constant; or the row is a multiple of the right one; or
///                                the row sees fewer than D keys, so that its weights can be solved for
/// values-in-range                no channel of out leaves the range that it has in the keys that the row sees
/// only-visible-keys              the row sees fewer than D keys, and out is not in the span of their values
/// no-future                      then with the future keys of its segments it is
/// nothing-lost                   a row that sees keys is not 0
/// lse-counts-every-key           lse is not below the right one
/// lse-counts-nothing-else        lse is not above the right one
/// rows-in-place, heads-in-place  the row is not the right one of another token, of another head
/// chunks-alike                   rows are wrong, but none before the end of the first chunk
/// segments-alike                 rows are wrong, but none before the end of the first segment
/// tail-alike                     rows are wrong, all in the last segment, which is shorter
/// heads-alike                    some heads are right in every row, some are not
/// gradients                      out and lse are right, a gradient is not
/// gradient-rows-in-place         a row of dk or dv is the right one of another token
/// rounding                       every error is small: as if computed in a narrower type
std::vector<Violation> violations(const Bounds& bounds, const Problem& problem, const Inputs& inputs,
                                  const Result& result, const std::vector<RowErrors>& rows);

} // namespace dra::defects
