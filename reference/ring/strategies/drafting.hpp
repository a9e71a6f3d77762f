#pragma once
/// \file
/// What strategies draft itineraries with. Not installed.

#include "reference/ring/itinerary.hpp"
#include "reference/ring/wanted.hpp"

namespace dra::strategies {

/// The ranks that own a token, ascending: the others take no part.
std::vector<Index> participants(const Problem& problem);

/// An itinerary with the two places that all begin with, and no step.
Itinerary beginning(const Problem& problem, Index rank);

/// Appends a place; its number.
Index add_place(Itinerary& itinerary, Place place);

/// Appends a transfer; its number.
std::size_t add_transfer(Pass& pass, TransferPlan transfer);

/// The parcels of one operand: `rows` as they lie in the place, batch by batch and piece by piece. Each piece of `rows`
/// lies in one piece of the place. Two ranks that list the parcels of the same rows list them alike.
std::vector<Parcel> parcels(const Problem& problem, const Itinerary& itinerary, Index place, Operand operand,
                            const Part& rows);

/// Appends the parcels of some operands as messages to or from a peer.
void append_messages(std::vector<Message>& messages, Index peer, const std::vector<Parcel>& parcels);

/// Appends moves of the same rows from a place to another.
void append_moves(std::vector<Move>& moves, const std::vector<Parcel>& from, const std::vector<Parcel>& to, bool adds);

/// The visits of the computed queries to the keys of a place, under all patterns, each of bounded work.
std::vector<Visit> visits(const Problem& problem, const Itinerary& itinerary, Index keys);

/// Work of the queries of the itinerary on all of a list of places.
void append_visits(ItineraryStep& step, const Problem& problem, const Itinerary& itinerary,
                   const std::vector<Index>& places);

// One function per strategy; strategy.hpp says what each is.
Itinerary replicate(const Problem& problem, Index rank, bool gradient);
Itinerary all_gather(const Problem& problem, Index rank, bool gradient);
Itinerary ring(const Problem& problem, Index rank, bool gradient);
Itinerary dilated_ring(const Problem& problem, Index rank, bool gradient);
Itinerary segment_gather(const Problem& problem, Index rank, bool gradient);
Itinerary heads(const Problem& problem, Index rank, bool gradient);

} // namespace dra::strategies
