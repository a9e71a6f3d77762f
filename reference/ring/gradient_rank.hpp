#pragma once
/// \file
/// One rank of a ring, as gradients are computed: the queries that it owns, and their dq over the keys that have
/// visited it. With keys and values travel their own gradients, to which every rank that they visit adds what its
/// queries bring.
///
/// As Rank it knows neither the other ranks nor how keys come and go. Not installed.

#include "reference/attention/gradient.hpp"
#include "reference/ring/rank.hpp"

namespace dra {

/// A gradient so far, and what its roundings lost, wherever they lie; both start as 0; [B, local tokens, heads, D].
template <class T> struct RunningGradient {
    TensorView<T> sum, lost;

    /// Adds `part` (rows, D) to rows of (b, h).
    void add(Index b, Index h, const Positions& rows, const RowMajor<T>& part) const {
        dra::add<T>(sum.rows(b, h, rows), lost.rows(b, h, rows), part);
    }
};

/// The keys and values that visit a rank, and their gradients so far.
template <class T> struct VisitingGradients {
    VisitingKeys<T> keys;
    RunningGradient<T> dk, dv; ///< [B, local tokens, Hkv, D]
};

/// What one rank keeps: its own tokens of what it was given, and of dq. float and double.
template <class T> struct GradientRank {
    const Problem& problem; ///< it must outlive the rank
    Shard<T> q, dout, dq;
    Tensor<T> dq_lost;
    Lse<T> lse;                               ///< [B, H, local tokens], of the whole result
    std::vector<Lse<Extended<T>>> delta = {}; ///< one per pattern where mixing is stopped, else one for all

    /// A rank that nothing has visited, whose delta is missing.
    GradientRank(const Problem& problem, Shard<T> own_queries, Shard<T> own_dout, Lse<T> own_lse);

    /// Appends delta, from its own tokens of out: of the whole result, or, where mixing is stopped, of the next pattern
    /// alone.
    void find_delta(const Shard<T>& out);

    /// Receives a visit: adds what its queries bring, under all patterns, to their dq and to dk, dv of the keys. The
    /// workspace may be shared with ranks that take turns.
    void add(const VisitingGradients<T>& visiting, AttendGradientWorkspace<T>& workspace);
};

} // namespace dra
