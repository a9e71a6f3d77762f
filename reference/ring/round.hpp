#pragma once
/// \file
/// One rank of a ring, and the ring itself as a loop in one thread. Not installed.

#include "reference/attention/running_sum.hpp"
#include "reference/ring/schedule.hpp"

#include <utility>

namespace dra {

/// What one rank keeps: its own tokens of q and of the result, and what the result's roundings lost.
template <class T> struct Rank {
    Shard<T> q;
    Shard<T> out;
    Lse<T> lse; ///< [B, H, local tokens]
    Tensor<T> out_lost;
    Lse<T> lse_lost;

    Rank(const Problem& problem, Shard<T> own_queries);

    RunningPartial<T> partial(Index b, Index h, const Positions& rows) {
        return {{out.rows.view().rows(b, h, rows), lse.rows(b, h, rows)},
                {out_lost.view().rows(b, h, rows), lse_lost.rows(b, h, rows)}};
    }
};

/// A round of what travels: work(rank, owner) for every step at which a rank needs the shard of `owner`, which visits it,
/// step after step. R steps bring it home again; here it lies where it is, at the place of its owner. Costs what is
/// worked, and O(R).
template <class Work> void go_round(const Problem& problem, Work work) {
    std::vector<std::vector<Turns>> due(static_cast<std::size_t>(problem.ranks)); // by step
    const auto put = [&](const Turns& next) { due[static_cast<std::size_t>(next.steps.first)].push_back(next); };
    for (const Turns& all : turns(problem)) put(all);
    for (Index step = 0; step < problem.ranks; ++step)
        for (const auto& [rank, steps] : std::exchange(due[static_cast<std::size_t>(step)], {})) {
            work(static_cast<std::size_t>(rank), static_cast<std::size_t>(owner_at(problem, rank, step)));
            if (steps.count > 1) put({rank, steps.slice(1, steps.count - 1)});
        }
}

/// The result of patterns [first, last), sharded: of all of them, that of ring_attention. float and double.
template <class T> std::vector<Rank<T>> attend_on_ring(const Problem& problem, Index first_pattern, Index last_pattern,
                                                       TensorView<const T> q, TensorView<const T> k,
                                                       TensorView<const T> v);

} // namespace dra
