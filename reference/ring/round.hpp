#pragma once
/// \file
/// The ring itself, as a loop in one thread: who works at which step. Not installed.

#include "reference/ring/rank.hpp"
#include "reference/ring/schedule.hpp"

#include <utility>

namespace dra {

/// Plays a round of what travels: calls work(rank, owner) for every step at which a rank needs the shard of `owner`,
/// which visits it, step after step. R steps bring it home again; here it lies where it is, at the place of its owner.
/// Costs what is worked, and O(R).
template <class Work> void go_round(const Problem& problem, Work work) {
    std::vector<std::vector<Turns>> due(static_cast<std::size_t>(problem.ranks)); // by step
    const auto put = [&](const Turns& next) { due[next.steps.first].push_back(next); };
    for (const Turns& all : turns(problem)) put(all);
    for (Index step = 0; step < problem.ranks; ++step)
        for (const auto& [rank, steps] : std::exchange(due[step], {})) {
            work(static_cast<std::size_t>(rank), static_cast<std::size_t>(owner_at(problem, rank, step)));
            if (steps.count > 1) put({rank, steps.slice(1, steps.count - 1)});
        }
}

/// The result of patterns [first, last), sharded: of all of them, that of ring_attention. float and double.
template <class T> std::vector<Rank<T>> attend_on_ring(const Problem& problem, Index first_pattern, Index last_pattern,
                                                       const InputsView<T>& inputs);

} // namespace dra
