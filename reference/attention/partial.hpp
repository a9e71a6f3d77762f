#pragma once
/// \file
/// A partial: (out, lse) of some rows over a set of keys. It is all that attention ever produces, and merge is the only
/// way to combine.
///
///     lse = log sum_j e^(s_j),   out = sum_j e^(s_j - lse) v_j       over the keys j of the set
///
/// Ring steps, patterns of a mixture, split keys in decoding and ranks of a tree only choose which partials to compute
/// and where. The identity is (0, -inf): no key at all.

#include "reference/definition/tensor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dra {

/// Where a partial is kept: rows of out (m, D) and of lse (m), possibly strided, owned by somebody else.
template <class T> struct Partial {
    MutableRows<T> out;
    MutableColumn<T> lse;
};

/// How a partial enters the memory that it is written to.
enum class Combine {
    store, ///< overwrite what is there, poison included
    merge, ///< merge with the partial that is there
};

/// The merge of two partials over disjoint keys: lse, and what each out is multiplied by.
///
///     m = max(lse_a, lse_b);  lse = m + log(e^(lse_a - m) + e^(lse_b - m));  a = e^(lse_a - lse);  b = e^(lse_b - lse)
///
/// a and b are computed as the two terms of the sum over the sum, so that a + b = 1. Taken from lse, which is rounded
/// by its own size, they would scale out by that error in every merge, and a ring of many ranks has many.
///
/// Without the maximum it overflows at scores of 90 in float (defect `merge-overflow`); without the test for two empty
/// sides it is -inf minus -inf (defect `empty-row-nan`): there a and b are 0. Merging with the identity is exact.
template <class T> struct MergeWeights {
    T lse, a, b;

    MergeWeights(T lse_a, T lse_b) : lse(-std::numeric_limits<T>::infinity()), a(0), b(0) {
        if (lse_a == lse && lse_b == lse) return; // neither side sees a key; a NaN on either is handed on
        const T m = std::max(lse_a, lse_b);
        const T in_a = std::exp(lse_a - m), in_b = std::exp(lse_b - m), sum = in_a + in_b;
        lse = m + std::log(sum);
        a = in_a / sum;
        b = in_b / sum;
    }
};

/// Merges one row's partial (`other_out`, `other_lse`) into (`out`, `lse`), as a step from the side that weighs more
/// towards the other: where both are equal the step is 0, and no product exceeds the larger of the two. Merging with
/// the identity is exact whatever the other side is, an infinity included.
template <class T, class Row, class OtherRow>
void merge_row(Row&& out, T& lse, const OtherRow& other_out, T other_lse) {
    constexpr T of_identity = -std::numeric_limits<T>::infinity();
    if (other_lse == of_identity) return;
    const MergeWeights<T> w(lse, other_lse);
    if (lse == of_identity)
        out = other_out;
    else if (w.b <= w.a)
        out += w.b * other_out - w.b * out;
    else
        out = other_out + (w.a * out - w.a * other_out);
    lse = w.lse;
}

/// Merges `other` into `into`, row by row. Associative and commutative up to rounding.
template <class T> void merge(Partial<T> into, const Rows<T>& other_out, const Column<T>& other_lse) {
    for (Index i = 0; i < into.out.rows(); ++i) merge_row(into.out.row(i), into.lse[i], other_out.row(i), other_lse[i]);
}

/// Makes every row the identity of merge.
template <class T> void clear(Partial<T> partial) {
    partial.out.setZero();
    partial.lse.setConstant(-std::numeric_limits<T>::infinity());
}

} // namespace dra
