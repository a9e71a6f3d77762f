#pragma once
/// \file
/// The one loop: how a rank plays a pass of its itinerary, whatever the strategy, the backend and the memory.

#include "distributed/communicator.hpp"
#include "reference/ring/itinerary.hpp"

#include <algorithm>
#include <memory>
#include <vector>

namespace dra::distributed {

/// The transfers of a pass, made once for the memory of an engine.
template <class Engine>
std::vector<std::unique_ptr<Transfer>> make_transfers(const Pass& pass, Engine& engine, Communicator& communicator) {
    std::vector<std::unique_ptr<Transfer>> transfers;
    for (const auto& [operation, step, sends, receives] : pass.transfers) {
        Exchange exchange{operation, step, {}, {}};
        for (const auto& [peer, parcel] : sends) exchange.sends.push_back({peer, engine.rows(parcel)});
        for (const auto& [peer, parcel] : receives) exchange.receives.push_back({peer, engine.mutable_rows(parcel)});
        transfers.push_back(communicator.transfer(std::move(exchange)));
    }
    return transfers;
}

/// Lets the transfers progress that a step awaits, and those that it starts for later steps.
inline void advance(const ItineraryStep& step, const std::vector<std::unique_ptr<Transfer>>& transfers) {
    for (const std::size_t i : step.awaits) transfers[i]->advance();
    for (const std::size_t i : step.starts)
        if (std::ranges::find(step.awaits, i) == step.awaits.end()) transfers[i]->advance();
}

/// Plays a pass: `visit` does the work of a visit. Throws CommError where a peer fails.
template <class Engine, class Work>
void play(const Pass& pass, const std::vector<std::unique_ptr<Transfer>>& transfers, Engine& engine, Work visit) {
    for (const ItineraryStep& step : pass.steps) {
        for (const std::size_t i : step.starts) transfers[i]->start(); // posted before the work that hides them
        for (const Index place : step.clears) engine.clear(place);
        for (const Visit& next : step.visits) {
            visit(next);
            advance(step, transfers);
        }
        for (const std::size_t i : step.awaits) transfers[i]->wait();
        for (const Move& move : step.moves) engine.move(move);
    }
}

} // namespace dra::distributed
