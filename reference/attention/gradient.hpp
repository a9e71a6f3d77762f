#pragma once
/// \file
/// The gradients of one view: dq, dk and dv from out, lse and dout, tiles recomputed.

#include "reference/attention/opaque_memory.hpp"
#include "reference/attention/partial.hpp"
#include "reference/definition/dropout.hpp"
#include "reference/definition/visibility.hpp"

#include <span>

namespace dra {

/// Memory that calls of attend_gradient share, so that later ones allocate nothing. One thread at a time. float and
/// double.
template <class T> class AttendGradientWorkspace {
public:
    AttendGradientWorkspace();

    struct Memory;
    Memory& memory() { return *memory_; }

private:
    OpaqueMemory<Memory> memory_;
};

/// One query head of a view, m rows: what it brings, and where its dq goes.
template <class T> struct GradientHead {
    Rows<T> q, dout;           ///< (m, D)
    Column<T> lse;             ///< (m); -inf in rows that see no key
    Column<Extended<T>> delta; ///< (m), weighted_mean_gradient()
    MutableRows<T> dq;         ///< (m, D), added to
    Dropout dropout = {};      ///< none by default
};

/// The memory of dk and dv of a view's n keys, (n, D) each, to which gradients are added.
template <class T> struct KeyGradientRows { MutableRows<T> dk, dv; };

/// Writes delta_i = sum_d dout_id out_id of every row of dout and out (m, D), the mean of the row's dP by its weights,
/// which softmax takes from each of them. It is summed in T in the order of dP, so that dS of a row that sees one key
/// is exactly 0; in extended precision where that overflows, as dP - delta may well fit where neither does.
///
/// Where a loss uses lse too, delta - dlse in its place gives the gradients of both. float and double.
template <class T>
void weighted_mean_gradient(const Rows<T>& dout, const Rows<T>& out, MutableColumn<Extended<T>> delta);

/// The same with memory that calls share.
template <class T> void weighted_mean_gradient(const Rows<T>& dout, const Rows<T>& out,
                                               MutableColumn<Extended<T>> delta, AttendGradientWorkspace<T>& workspace);

/// Adds to dq (m, D) of every head, and to dk, dv (n, D), the gradients of attention of the heads' rows over the keys
/// that they see of k, v (n, D).
///
///     P = e^(scale q k^T - lse),   dS = P (dout v^T - delta)
///     dq += scale dS k,   dk += scale dS^T q,   dv += P^T dout        (Dao et al., arXiv:2205.14135, alg. 4)
///
/// Under dropout dP = dout v^T and the P of dv are those of kept pairs, divided by 1 - p, and zero for the others.
///
/// The heads are those of one group: they share k and v, packed once, and dk, dv are summed over them. lse and delta
/// may be those of more keys than the view has, as in a mixture or on a ring: P are then the view's weights in the
/// whole, and the gradients of all views add up to the exact ones. `visibility` as in attend. 10 D FLOPs per visible
/// pair, no scores in memory. One thread. float and double.
template <class T> void attend_gradient(std::span<const GradientHead<T>> heads, const Rows<T>& k, const Rows<T>& v,
                                        const Visibility& visibility, T softmax_scale, const KeyGradientRows<T>& into,
                                        AttendGradientWorkspace<T>& workspace);

} // namespace dra
