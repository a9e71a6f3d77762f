#pragma once
/// \file
/// What a strategy costs a rank, twice: in closed form from the problem alone, and as the sum over an itinerary. What
/// was counted while it ran must be both.
///
/// N tokens, R ranks, B, H, Hkv and D as everywhere. In segment s of a pattern let N_s[x, y) be the number of selected
/// positions in [x, y), and z_s(p) what rank p sees of it: the segment's end, or under the causal mask the position
/// behind the last query of p there; [sw, sw) where p has no query in s. Then rank p needs of rank o, per head,
///
///     rows(p, o) = sum over s and the intervals I of o of N_s(I before z_s(p))
///
/// and sum over o of rows(p, o) is the least that it can receive, K and V each. With w = c L, L = N/R, and contiguous
/// shards that is (c - 1) L/r, whatever N and R are; causal, (p mod c) L/r; where w divides L, 0. Heads that use several
/// patterns share rows, which are counted once, token by token.

#include "reference/ring/strategy.hpp"

namespace dra {

/// The cost of one pass, or several, to one rank.
struct Cost {
    Index pairs = 0; ///< visible pairs of all heads; 4 D FLOPs each in attention, 10 D in its gradient
    Index bytes_sent = 0, bytes_received = 0;
    Index messages_sent = 0, messages_received = 0; ///< of an itinerary alone: a message per parcel

    bool operator==(const Cost&) const = default;
};

enum class PassName { attention, gradient };

/// The sum over an itinerary. `element_bytes` is the size of an element of all operands.
Cost sum(const Problem& problem, const Itinerary& itinerary, PassName pass, Index element_bytes);

/// Bytes of places beyond the rank's own shards, where places that share memory count as the largest of them.
Index memory_beyond_shards(const Problem& problem, const Itinerary& itinerary, bool gradient, Index element_bytes);

/// The cost in closed form, without messages.
Cost cost(Strategy strategy, const Problem& problem, Index rank, PassName pass, Index element_bytes);

/// The same of memory_beyond_shards().
Index memory_beyond_shards(Strategy strategy, const Problem& problem, Index rank, bool gradient, Index element_bytes);

/// The bytes of K and V that a rank must receive at least, whatever the strategy.
Index least_bytes(const Problem& problem, Index rank, Index element_bytes);

} // namespace dra
