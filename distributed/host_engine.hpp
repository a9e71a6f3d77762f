#pragma once
/// \file
/// The engine of a rank on the host: the memory of its places, and the work of its visits.
///
/// Whoever plays an itinerary asks an engine for four things: where a parcel lies, the work of a visit, zeros, and moves
/// within the rank. Nothing here knows of peers or strategies.

#include "distributed/place_memory.hpp"
#include "reference/ring/gradient_rank.hpp"
#include "reference/ring/rank.hpp"

#include <deque>

namespace dra::distributed {

/// A rank's tensors and its arithmetic, which a team shares: as many threads as OpenMP would give whoever makes the
/// engine. Of attention they share heads and tokens, of gradients heads. float and double.
template <class T> class HostEngine {
public:
    /// `shard` holds the rank's own tokens, [B, local tokens, heads, D], contiguous, and `dout` those of the gradient,
    /// without which there is none. They, the problem and the itinerary must outlive the engine.
    HostEngine(const Problem& problem, const Itinerary& itinerary, const InputsView<T>& shard,
               std::optional<TensorView<const T>> dout);

    /// Forgets all visits, before attention and before its gradient.
    void begin_attention();
    void begin_gradient();

    /// Where a parcel lies, to be read or to be written.
    ConstRows rows(const Parcel& parcel) const { return memory_.rows(parcel); }
    Rows mutable_rows(const Parcel& parcel) const { return memory_.mutable_rows(parcel); }

    void attend(const Visit& visit);
    void add_gradient(const Visit& visit);

    /// dk and dv of a place become 0.
    void clear(Index place);

    /// Copies rows from place to place, or adds them to dk or dv.
    void move(const Move& move);

    /// The rank's own part of an operand, [B, local tokens, heads, D]; D = 1 in lse.
    TensorView<const T> own(Operand operand) const;

    /// The bytes that were allocated for places beyond the rank's shards.
    Index memory_beyond_shards() const;

private:
    bool computes_own() const { return itinerary_.computed == own_queries; }
    bool has_gradient() const { return gradient_rank_.has_value(); }
    int team() const { return static_cast<int>(workspaces_.size()); }
    template <class Work> void share_heads(const Visit& visit, Index splits, const Work& work) const;
    void find_delta();
    void make_keys(Index place, bool gradient);
    void make_queries(bool gradient);
    VisitingKeys<T> keys(Index place) const;
    RunningGradient<T> running(Index place, Operand operand) const;

    const Problem& problem_;
    const Itinerary& itinerary_;
    PlaceMemory<T> memory_;
    std::vector<std::array<TensorView<T>, 2>> lost_; ///< what the roundings of dk and dv lost, by place
    std::deque<Rank<T>> ranks_; ///< of the computed queries, then of each pattern alone where gradients need that
    Attention<T> own_result_;   ///< where the computed queries are not the rank's own
    Tensor<T> own_dq_;          ///< likewise
    Tensor<T> own_dk_, own_dv_, own_dk_lost_, own_dv_lost_;
    std::optional<GradientRank<T>> gradient_rank_;
    bool has_delta_ = false;
    std::vector<VisitWorkspace<T>> workspaces_; ///< by thread
    std::vector<GradientVisitWorkspace<T>> gradient_workspaces_;
};

} // namespace dra::distributed
