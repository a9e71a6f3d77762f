#pragma once
/// \file
/// One rank, as gradients are computed: the queries that it computes, and their dq over the keys that have
/// visited it. With keys and values travel their own gradients, to which every rank that they visit adds what its
/// queries bring.
///
/// As Rank it knows neither the other ranks nor how keys come and go. Not installed.

#include "reference/attention/gradient.hpp"
#include "reference/ring/rank.hpp"

namespace dra {

/// A gradient so far, and what its roundings lost, wherever they lie; both start as 0; [B, rows, heads, D].
template <class T> struct RunningGradient {
    TensorView<T> sum, lost;

    /// Adds `part` (rows, D) to rows of (b, h), which is a head of the tensor.
    void add(Index b, Index h, const Positions& rows, const Rows<T>& part) const {
        dra::add<T>(sum.rows(b, h, rows), lost.rows(b, h, rows), part);
    }
};

/// The keys and values that visit a rank, and their gradients so far.
template <class T> struct VisitingGradients {
    VisitingKeys<T> keys;
    RunningGradient<T> dk, dv; ///< [B, rows, heads, D]
};

/// The memory of visits, which ranks that take turns may share. It grows to the largest visit that it has met.
template <class T> struct GradientVisitWorkspace {
    AttendGradientWorkspace<T> attend = {};
    std::vector<T> dq = {}, dk = {}, dv = {}; ///< what a visit brings, until it is added
    std::vector<GradientHead<T>> heads = {};  ///< of a visit
};

/// What one rank keeps: its part of what it was given, and of dq. float and double.
template <class T> struct GradientRank {
    const Problem& problem;      ///< it must outlive the rank
    Part part;                   ///< of the queries
    TensorView<const T> q, dout; ///< [B, rows, heads, D], somebody else's
    const Lse<T>& lse;           ///< [B, heads, rows], of the whole result, somebody else's
    Tensor<T> dq, dq_lost;
    std::vector<Lse<Extended<T>>> delta; ///< one per pattern where mixing is stopped, else one for all

    /// A rank that nothing has visited, whose delta is missing.
    GradientRank(const Problem& problem, Part part, TensorView<const T> q, TensorView<const T> dout, const Lse<T>& lse);

    /// Forgets all visits.
    void clear();

    /// Finds delta from its part of out: i is 0 for the whole result, or, where mixing is stopped, the pattern of which
    /// alone it is.
    void find_delta(Index i, TensorView<const T> out, GradientVisitWorkspace<T>& workspace);
    void find_delta(Index i, TensorView<const T> out) { // with memory of its own
        GradientVisitWorkspace<T> workspace;
        find_delta(i, out, workspace);
    }

    /// Receives a visit: adds what its queries bring, under all patterns, to their dq and to dk, dv of the keys; or what
    /// some of them bring under one.
    void add(const VisitingGradients<T>& visiting, GradientVisitWorkspace<T>& workspace);
    void add(const VisitingGradients<T>& visiting, Index pattern, const Queries& asking,
             GradientVisitWorkspace<T>& workspace);
};

/// Whether gradients take the mixing weights for constants, so that delta is each pattern's own.
inline bool delta_per_pattern(const Problem& problem) {
    return problem.mode == Mode::mixture && problem.stop_gradient_mixing;
}

} // namespace dra
