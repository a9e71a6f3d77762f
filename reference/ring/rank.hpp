#pragma once
/// \file
/// One rank of a ring, and the ring itself as a loop in one thread. Not installed.

#include "reference/attention/running_sum.hpp"
#include "reference/ring/schedule.hpp"

#include <algorithm>

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

/// The steps of all ranks: work(rank) for those that need the shard that visits them, then hand_on(), whereby every
/// rank gives to the next what travels. R times each, so that what travels comes home.
template <class Work, class HandOn> void go_round(const Problem& problem, Work work, HandOn hand_on) {
    for (Index step = 0; step < problem.ranks; ++step) {
        for (Index rank = 0; rank < problem.ranks; ++rank)
            if (ring_step(problem, rank, step).needed) work(static_cast<std::size_t>(rank));
        hand_on();
    }
}

/// Every rank hands what it holds to the next one.
template <class Visitor> void hand_on(std::vector<Visitor>& visitors) {
    std::rotate(visitors.rbegin(), visitors.rbegin() + 1, visitors.rend());
}

/// The result of patterns [first, last), sharded: of all of them, that of ring_attention. float and double.
template <class T> std::vector<Rank<T>> attend_on_ring(const Problem& problem, Index first_pattern, Index last_pattern,
                                                       TensorView<const T> q, TensorView<const T> k,
                                                       TensorView<const T> v);

} // namespace dra
