#include "reference/ring/strategies/drafting.hpp"

#include <algorithm>

namespace dra::strategies {
namespace {

/// A rank among those that take part.
class RingOfRanks {
public:
    RingOfRanks(const Problem& problem, Index rank)
        : ranks_(participants(problem)), at_(std::ranges::find(ranks_, rank) - ranks_.begin()) {}

    Index size() const { return std::ssize(ranks_); }
    Index behind(Index distance) const { return ranks_[(at_ + distance) % size()]; }
    Index before(Index distance) const { return ranks_[(at_ - distance + size()) % size()]; }

private:
    std::vector<Index> ranks_;
    Index at_;
};

/// Both operands of a whole shard, as it lies in a place.
void append_shard(std::vector<Message>& messages, Index peer, const Problem& problem, const Itinerary& itinerary,
                  Index place, const std::vector<Operand>& operands) {
    for (const Operand operand : operands)
        append_messages(messages, peer, parcels(problem, itinerary, place, operand, itinerary.places[place].part));
}

/// The hops of K and V, in every pass the same. The place that step s visits.
std::vector<Index> add_hops(const Problem& problem, const RingOfRanks& ring, Itinerary& itinerary, Pass& pass) {
    std::vector<Index> visited = {own_keys};
    for (Index step = 0; step + 1 < ring.size(); ++step) {
        const Index arriving = add_place(
            itinerary, {Holds::keys, key_shard(problem, ring.before(step + 1)), step % 2}); // the other buffer
        TransferPlan hop{"hop", step, {}, {}};
        append_shard(hop.sends, ring.behind(1), problem, itinerary, visited.back(), {Operand::k, Operand::v});
        append_shard(hop.receives, ring.before(1), problem, itinerary, arriving, {Operand::k, Operand::v});
        add_transfer(pass, std::move(hop));
        visited.push_back(arriving);
    }
    for (std::size_t s = 0; s < visited.size(); ++s) {
        ItineraryStep& step = pass.steps.emplace_back();
        if (s + 1 < visited.size()) step.starts = step.awaits = {s};
        append_visits(step, problem, itinerary, {visited[s]});
    }
    return visited;
}

} // namespace

/// At step s a rank holds the shard of the rank s places before it, and hands it on while it works on it. dk and dv of a
/// shard go straight back to its owner while the next one is worked on.
Itinerary ring(const Problem& problem, Index rank, bool gradient) {
    const RingOfRanks ring(problem, rank);
    Itinerary itinerary = beginning(problem, rank);
    add_hops(problem, ring, itinerary, itinerary.attention);
    if (!gradient) return itinerary;

    Pass& pass = itinerary.gradient;
    const std::vector<Index> visited = add_hops(problem, ring, itinerary, pass);
    for (std::size_t s = 0; s < visited.size(); ++s) pass.steps[s].clears = {visited[s]};
    for (std::size_t s = 1; s < visited.size(); ++s) {
        const auto distance = static_cast<Index>(s);
        const Part own = key_shard(problem, rank);
        const Index returned = add_place(itinerary, {Holds::key_gradients, own, 2});
        TransferPlan back{"key gradients", distance, {}, {}};
        append_shard(back.sends, ring.before(distance), problem, itinerary, visited[s], {Operand::dk, Operand::dv});
        append_shard(back.receives, ring.behind(distance), problem, itinerary, returned, {Operand::dk, Operand::dv});
        const std::size_t transfer = add_transfer(pass, std::move(back));
        if (s + 1 == visited.size()) pass.steps.emplace_back();
        ItineraryStep& next = pass.steps[s + 1];
        next.starts.push_back(transfer);
        next.awaits.push_back(transfer);
        for (const Operand operand : {Operand::dk, Operand::dv})
            append_moves(next.moves, parcels(problem, itinerary, returned, operand, own),
                         parcels(problem, itinerary, own_keys, operand, own), true);
    }
    return itinerary;
}

} // namespace dra::strategies
