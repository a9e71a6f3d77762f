#pragma once
/// \file
/// A rank's itinerary: its part in attention over many ranks, as plain data.
///
/// Nomenclature. A *place* is where a rank keeps a part of a problem's tensors: its shards, and what it is sent. A
/// *parcel* is some rows of one operand in a place. A *transfer* sends parcels to peers and receives others in the same
/// go. A *visit* is the work of some queries on the keys of a place; it is bounded, so that whoever plays the itinerary
/// can see to its transfers in between. A *step* starts transfers, visits, and awaits transfers, in this order; a *pass*
/// is the steps of attention, or of its gradient.
///
/// A strategy makes the itinerary of each rank (strategy.hpp); nobody needs to know those of others, since messages of
/// two ranks match in the order in which both list them. Whoever plays it (distributed/run.hpp) knows nothing of
/// strategies.

#include "reference/ring/part.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dra {

/// What attention and its gradient read and write.
enum class Operand { q, k, v, out, lse, dout, dq, dk, dv };

/// Whether an operand has rows of keys, in places that hold keys: k, v and their gradients.
constexpr bool is_of_keys(Operand operand) {
    return operand == Operand::k || operand == Operand::v || operand == Operand::dk || operand == Operand::dv;
}

/// The operands that a place has room for.
enum class Holds {
    queries,       ///< q, out, lse, and with gradients dout and dq; what the roundings of results lost
    keys,          ///< k, v, and with gradients dk and dv, and what their roundings lost
    key_gradients, ///< dk and dv that come back from another rank
};

/// Where a rank keeps a part of the tensors.
struct Place {
    Holds holds;
    Part part;
    /// Places with the same number share memory: what is in one is gone when another is written. Nothing where it has
    /// memory of its own.
    std::optional<Index> shared = {};
};

/// Rows of an operand, of one batch, in a place.
struct Parcel {
    Operand operand;
    Index place, batch;
    Interval heads; ///< one head alone of lse
    Positions rows; ///< of the place's tensor
};

/// A parcel that goes to a peer, or comes from it.
struct Message {
    Index peer;
    Parcel parcel;
};

/// What a rank gives and takes in one go.
struct TransferPlan {
    std::string operation; ///< what it is for, in messages of errors
    Index step;            ///< its number there
    std::vector<Message> sends, receives;
};

/// The work of some queries on the keys of a place under one pattern.
struct Visit {
    Index keys; ///< the place
    Index pattern;
    Interval among; ///< tokens whose queries do the visit
    Index pairs;    ///< visible pairs, of all heads: 4 D FLOPs each, or 10 D for gradients
};

/// Rows that a rank copies from a place of its own to another, or adds to what is there.
struct Move {
    Parcel from, to;
    bool adds = false;
};

/// What a rank does between two waits.
struct ItineraryStep {
    std::vector<std::size_t> starts; ///< transfers of the pass, posted before the work that hides them
    std::vector<Index> clears;       ///< places whose dk and dv become 0, before the visits
    std::vector<Visit> visits;
    std::vector<std::size_t> awaits; ///< transfers whose rows are there when the step ends
    std::vector<Move> moves;         ///< done last
};

/// The transfers and steps of attention, or of its gradient.
struct Pass {
    std::vector<TransferPlan> transfers;
    std::vector<ItineraryStep> steps;
};

/// A rank's part in a problem. The gradient follows the attention, and uses what that left in its places.
struct Itinerary {
    Index rank;
    std::vector<Place> places;
    Index computed; ///< the place whose queries visit: the rank's own, or one that holds other heads or tokens
    Pass attention, gradient;
};

/// The places that every itinerary begins with: the rank's shards.
inline constexpr Index own_queries = 0, own_keys = 1;

} // namespace dra
