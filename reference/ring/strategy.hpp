#pragma once
/// \file
/// Strategies: how rows of K and V come to the queries that need them. All have the same result; they differ in what
/// moves, what a rank must hold, and what it computes. distributed/README.md has the table.

#include "reference/ring/itinerary.hpp"

namespace dra {

enum class Strategy {
    replicate,      ///< every rank gathers everything and computes every row
    all_gather,     ///< every rank gathers all of K and V
    ring,           ///< K and V go round, shard by shard, in two buffers (Liu et al., arXiv:2310.01889)
    dilated_ring,   ///< needed rows alone hop, along the ranks that need them
    segment_gather, ///< needed rows alone, straight from their owners; the default
    heads,          ///< tokens for heads and back (Jacobs et al., DeepSpeed Ulysses, arXiv:2309.14509)
};

/// In the order of the list above.
inline constexpr Strategy all_strategies[] = {Strategy::replicate,    Strategy::all_gather,     Strategy::ring,
                                              Strategy::dilated_ring, Strategy::segment_gather, Strategy::heads};

/// The names that flags, files and messages use ("segment-gather"), and back: throws PatternError naming `field`.
std::string name(Strategy);
Strategy parse_strategy(const std::string& field, const std::string& value);

/// A rank's itinerary. Ranks that own no token take no part: theirs is empty. With `gradient` it has the gradient's
/// pass.
Itinerary itinerary(Strategy strategy, const Problem& problem, Index rank, bool gradient = true);

} // namespace dra
