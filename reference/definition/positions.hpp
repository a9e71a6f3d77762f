#pragma once
/// \file
/// Positions: which tokens, as an arithmetic progression. Dilation is its stride, causality compares two of them.

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace dra {

/// Sizes, positions and counts of tokens; signed, so that differences are safe.
using Index = std::int64_t;

/// The quotient rounded up, also for a negative numerator; the denominator is positive.
constexpr Index ceil_div(Index a, Index b) { return a / b + (a % b > 0); }

/// Tokens, rows or heads [begin, end).
struct Interval {
    Index begin = 0;
    Index end = 0;

    constexpr Index size() const { return end - begin; }
    constexpr bool operator==(const Interval&) const = default;
};

/// The positions first, first + stride, ..., `count` of them; stride >= 1.
///
/// Positions are global: every segment, shard and tile carries where it starts, and nobody counts from zero again.
struct Positions {
    Index first = 0;
    Index stride = 1;
    Index count = 0;

    constexpr Index operator[](Index t) const { return first + t * stride; }
    constexpr bool empty() const { return count == 0; }

    /// The number of positions before `end`. O(1).
    constexpr Index below(Index end) const { return std::clamp(ceil_div(end - first, stride), Index{0}, count); }

    /// The n positions from the t-th on.
    constexpr Positions slice(Index t, Index n) const { return {(*this)[t], stride, n}; }

    /// The positions inside [begin, end). O(1): a part of an arithmetic progression is one again.
    constexpr Positions within(Index begin, Index end) const {
        const Index t = below(begin);
        return slice(t, std::max(below(end) - t, Index{0}));
    }

    /// The same positions, counted from `origin`: from global positions to the rows of a shard that starts there.
    constexpr Positions relative_to(Index origin) const { return {first - origin, stride, count}; }

    constexpr bool operator==(const Positions&) const = default;
};

/// The positions that are in both: two arithmetic progressions have one in common, whose stride is the least common
/// multiple of theirs. O(b.stride / gcd of the strides): O(1) where a's is a multiple of b's.
constexpr Positions common(const Positions& a, const Positions& b) {
    if (a.empty() || b.empty()) return {};
    const Positions inside = a.within(b.first, b[b.count - 1] + 1);
    const Index every = b.stride / std::gcd(a.stride, b.stride); // of the positions of a, which b may have
    for (Index t = 0; t < std::min(every, inside.count); ++t)
        if ((inside[t] - b.first) % b.stride == 0)
            return {inside[t], every * inside.stride, (inside.count - t - 1) / every + 1};
    return {};
}

} // namespace dra
