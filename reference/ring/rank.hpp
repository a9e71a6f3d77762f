#pragma once
/// \file
/// One rank: the queries that it computes, and their result over the keys that have visited it.
///
/// Keys visit it part after part; of each it merges what its queries see. It knows neither the other ranks nor how keys
/// come and go: that is the affair of whoever runs it, one rank after another in one thread (ring_attention.hpp), or
/// each in a thread or a process of its own. The result depends on the order of the visits by rounding alone. Not
/// installed.

#include "reference/attention/attend.hpp"
#include "reference/attention/running_sum.hpp"
#include "reference/ring/part.hpp"
#include "reference/ring/shard.hpp"

namespace dra {

/// The keys and values that visit a rank, wherever they lie.
template <class T> struct VisitingKeys {
    const Part& part;         ///< what they are; it must outlive them
    TensorView<const T> k, v; ///< [B, rows, heads, D]
};

/// The memory of visits, which ranks that take turns may share. It grows to the largest visit that it has met.
template <class T> struct VisitWorkspace {
    AttendWorkspace<T> attend = {};
    std::vector<T> out = {}, lse = {};    ///< partials of a visit, until they are merged
    std::vector<QueryHead<T>> heads = {}; ///< of a visit
};

/// What one rank keeps: its part of q and of the result, and what the result's roundings lost. float and double.
template <class T> struct Rank {
    const Problem& problem; ///< it must outlive the rank
    Part part;              ///< of the queries
    TensorView<const T> q;  ///< [B, rows, heads, D], somebody else's
    Tensor<T> out;
    Lse<T> lse;         ///< [B, heads, rows]
    Tensor<T> out_lost; ///< what the roundings of out lost
    Lse<T> lse_lost;    ///< what those of lse lost

    /// A rank that nothing has visited: its result is the identity of merge.
    Rank(const Problem& problem, Part part, TensorView<const T> q);

    /// Forgets all visits.
    void clear();

    /// Receives a visit: merges attention over the keys that its queries see, under all patterns; or that some of them
    /// see under one. The same is merged into `alone`, a rank of the same part, where there is one.
    void attend(const VisitingKeys<T>& keys, VisitWorkspace<T>& workspace);
    void attend(const VisitingKeys<T>& keys, Index pattern, const Queries& asking, VisitWorkspace<T>& workspace,
                Rank* alone = nullptr);
};

/// The part of q, out and lse that a shard is.
template <class T> Part part_of(const Problem& problem, const Shard<T>& queries) {
    return {{0, problem.heads}, TokenRows(queries.intervals)};
}

} // namespace dra
