#pragma once
/// \file
/// Where a result is wrong: row by row, and by heads, segments and chunks.

#include "reference/defects/bounds.hpp"

namespace dra::defects {

/// The errors of every row of a tensor.
struct RowErrors {
    std::string tensor; ///< "out", "lse", "dq", "dk" or "dv"
    Index batch, heads, tokens;
    Eigen::ArrayXd share; ///< the row's largest error as a share of what one element may have, at (b*H + h)*N + n

    double of(Index b, Index h, Index n) const { return share[(b * heads + h) * tokens + n]; }
    bool wrong(Index b, Index h, Index n) const { return !(of(b, h, n) <= 1); }
    Index wrong_rows() const { return (!(share <= 1)).count(); }
};

/// The errors of every tensor that the result has, out first. Errors that are not finite are infinite.
std::vector<RowErrors> row_errors(const Bounds& bounds, const Result& result);

/// Wrong rows of a head, or of all, counted by an interval of tokens.
struct Count {
    Interval tokens;
    Index wrong = 0, rows = 0;
};

/// Wrong rows of all heads together by the chunks that ranks own, in the order of their tokens.
std::vector<Count> by_chunk(const RowErrors& errors, const Problem& problem);

/// Wrong rows of the heads that use pattern i, by its segments.
std::vector<Count> by_segment(const RowErrors& errors, const Problem& problem, Index pattern);

/// Sentences that say where: how many rows, which heads, from where to where, by chunk and by segment.
std::vector<std::string> places(const RowErrors& errors, const Problem& problem);

} // namespace dra::defects
