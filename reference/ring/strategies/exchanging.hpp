#pragma once
/// \file
/// Strategies that compute what is not their own: every rank gathers all tokens of some heads, computes them, and what it
/// found goes where it belongs. Not installed.

#include "reference/ring/strategies/drafting.hpp"

#include <functional>

namespace dra::strategies {

/// The itinerary of a rank, given the query heads that each rank computes, of all tokens, and whether results go back to
/// the ranks that own their rows; where they do not, every rank computes its own rows itself.
Itinerary exchange(const Problem& problem, Index rank, const std::function<Interval(Index rank)>& heads_of_rank,
                   bool returns, bool gradient);

} // namespace dra::strategies
