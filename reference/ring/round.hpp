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

/// The shards of K and V, in the order of their ranks.
template <class T> struct KeyShards {
    std::vector<Shard<T>> k, v;
    std::vector<Part> parts; ///< what each pair of them is

    KeyShards(const Problem& problem, const InputsView<T>& inputs)
        : k(scatter(problem, inputs.k)), v(scatter(problem, inputs.v)) {
        for (const Shard<T>& shard : k) parts.push_back({{0, problem.kv_heads}, TokenRows(shard.intervals)});
    }

    VisitingKeys<T> operator[](Index owner) const { return {parts[owner], k[owner].rows, v[owner].rows}; }
};

/// The result of patterns [first, last), sharded as q is: of all of them, that of ring_attention. float and double.
template <class T> std::vector<Rank<T>> attend_on_ring(const Problem& problem, Index first_pattern, Index last_pattern,
                                                       const std::vector<Shard<T>>& q, const KeyShards<T>& keys);

} // namespace dra
