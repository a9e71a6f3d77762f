#pragma once
/// \file
/// Shards: which tokens a rank owns, and a tensor cut along its tokens.

#include "reference/definition/problem.hpp"

#include <vector>

namespace dra {

/// Chunk c when `tokens` are cut into `chunks` of ceil(size / chunks): the last ones are shorter or empty, never
/// negative (defect `tail-negative`).
constexpr Interval chunk(Index c, Index chunks, const Interval& tokens) {
    const Index length = ceil_div(tokens.size(), chunks);
    return {std::min(tokens.begin + c * length, tokens.end), std::min(tokens.begin + (c + 1) * length, tokens.end)};
}

/// How tokens are cut into chunks, by the signature of the right way.
using Cut = decltype(chunk);

/// The intervals that rank p of problem.ranks owns, ascending, which is the order in which its shard stores them.
///
/// contiguous: chunk p of R. zigzag: chunks p and 2R-1-p of 2R, so that causal work is balanced. segment-zigzag: the
/// same in every block of c = ceil(w_max / ceil(N/R)) consecutive ranks, over the tokens that the block would own in
/// contiguous layout: causal work is balanced within the block, and a segment that does not leave those tokens does not
/// leave the block. With c = R it is zigzag.
std::vector<Interval> owned(const Problem& problem, Index rank, Cut& cut = chunk);

/// An interval of tokens, and the rank that owns it.
struct Holding {
    Interval tokens;
    Index rank;
};

/// The holdings of a ring that are not empty, in the order of their tokens: they are the sequence. O(R).
std::vector<Holding> holdings(const Problem& problem);

/// The number of tokens of all intervals.
Index tokens_in(const std::vector<Interval>& intervals);

/// The global `positions` that lie in interval i, as rows of the shard that stores these intervals one after another.
inline Positions local(const std::vector<Interval>& intervals, std::size_t i, const Positions& positions) {
    Index stored_before = 0;
    for (std::size_t before = 0; before < i; ++before) stored_before += intervals[before].size();
    return positions.within(intervals[i].begin, intervals[i].end).relative_to(intervals[i].begin - stored_before);
}

/// One rank's part of a tensor: its own tokens, interval after interval.
template <class T> struct Shard {
    std::vector<Interval> intervals; ///< global tokens, in the order in which they are stored
    Tensor<T> rows;                  ///< [B, local tokens, heads, D]

    /// The global `positions` that lie in interval i, as rows of this shard.
    Positions local(std::size_t i, const Positions& positions) const { return dra::local(intervals, i, positions); }
};

/// Cuts a tensor over the problem's tokens into the shards of all ranks. float and double.
template <class T> std::vector<Shard<T>> scatter(const Problem& problem, TensorView<const T> tensor);

/// Puts shards together again into `tensor`, which they cover. float and double.
template <class T> void gather(std::vector<Shard<T>>& shards, TensorView<T> tensor);

/// One rank's part of an lse, [B, H, local tokens], and back. float and double.
template <class T> Lse<T> scatter(const Lse<T>& global, const std::vector<Interval>& intervals);
template <class T> void gather(const Lse<T>& local, const std::vector<Interval>& intervals, Lse<T>& global);

} // namespace dra
