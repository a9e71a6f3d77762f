#pragma once
/// \file
/// One rank of a ring: the queries that it owns, and their result over the keys that have visited it.
///
/// Keys visit it shard after shard; of each it merges what its queries see. It knows neither the other ranks nor how
/// keys come and go: that is the affair of whoever runs it, one rank after another in one thread (ring_attention.hpp),
/// or each in a thread or a process of its own. The result depends on the order of the visits by rounding alone. Not
/// installed.

#include "reference/attention/attend.hpp"
#include "reference/attention/running_sum.hpp"
#include "reference/ring/shard.hpp"

namespace dra {

/// The keys and values that visit a rank, wherever they lie.
template <class T> struct VisitingKeys {
    const std::vector<Interval>& intervals; ///< their global tokens, in the order in which they are stored
    TensorView<const T> k, v;               ///< [B, local tokens, Hkv, D]
};

/// What one rank keeps: its own tokens of q and of the result, and what the result's roundings lost. float and double.
template <class T> struct Rank {
    const Problem& problem; ///< it must outlive the rank
    Shard<T> q, out;
    Lse<T> lse;         ///< [B, H, local tokens]
    Tensor<T> out_lost; ///< what the roundings of out lost
    Lse<T> lse_lost;    ///< what those of lse lost

    /// A rank that nothing has visited: its result is the identity of merge.
    Rank(const Problem& problem, Shard<T> own_queries);

    /// Receives a visit: merges attention over the keys that its queries see, under all patterns, or one. The workspace
    /// may be shared with ranks that take turns.
    void attend(const VisitingKeys<T>& keys, AttendWorkspace<T>& workspace);
    void attend(const VisitingKeys<T>& keys, Index pattern, AttendWorkspace<T>& workspace);
};

} // namespace dra
