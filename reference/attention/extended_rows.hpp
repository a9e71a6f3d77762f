#pragma once
/// \file
/// Extended precision: rows that left their type though the exact result fits are computed again, pair by pair, in a
/// wider one.
///
/// A score, a sum of weighted values or a part of a gradient may exceed every number of T where the result does not;
/// and a weight of 0 times an infinity is NaN, also where the infinity belongs to a key that the row does not see. The
/// register kernel does not ask beforehand. Its result tells: a row that is not finite is computed again here, over the
/// keys that it sees and no others, in a type that holds every such product. What is not finite then either is the
/// truth. Without SIMD, it takes many times as long as the kernel. Not installed.

#include "reference/attention/gradient.hpp"
#include "reference/attention/packed.hpp"
#include "reference/definition/dropout.hpp"
#include "reference/definition/random.hpp"

#include <cmath>
#include <limits>
#include <span>

namespace dra::kernel {

/// The channels of one row in extended precision (D).
template <class T> using ExtendedRow = Eigen::Array<Extended<T>, 1, Eigen::Dynamic>;

/// A row of a matrix in extended precision.
template <class T, class Row> ExtendedRow<T> extended(const Row& row) { return row.template cast<Extended<T>>(); }

/// Row j of keys or values, whose channel d is strips(j, d).
template <class T, class Strips> ExtendedRow<T> extended(const Strips& strips, Index j, Index head_dim) {
    return ExtendedRow<T>::NullaryExpr(head_dim, [&](Index d) { return static_cast<Extended<T>>(strips(j, d)); });
}

/// An lse, of either base, as weights e^(s - lse) are taken from it; a number or a vector of them. Far from 0 it is
/// rounded by more than weights differ, could exceed every score of its row and leave the row no weight; a little less
/// than it, and the largest weight is 1.
template <class T, class Lse> DRA_INLINE Lse lowered(Lse lse) {
    constexpr T far = 4096, rounding = 4 * std::numeric_limits<T>::epsilon();
    const Lse size = lse > T(0) ? lse : -lse;
    return size > far ? lse - rounding * size : lse; // NaN where it is +inf
}

/// Replaces the elements that are not finite by those of `right`.
template <class Row, class Right> void replace_spoiled(Row&& row, const Right& right) {
    for (Index d = 0; d < right.size(); ++d)
        if (!std::isfinite(row[d])) row[d] = static_cast<typename std::decay_t<Row>::Scalar>(right[d]);
}

/// One view as one query head meets it, for rows that are computed again.
template <class T, class Keys> struct ExtendedView {
    const Keys& kv;
    const Visibility& visibility;
    const Dropout& dropout;
    Extended<T> scale;

    /// Puts out and lse of query i right, where it sees a key: the channels of out that are not finite, or all where
    /// lse is not.
    template <class Out> [[gnu::cold, gnu::noinline]] void attend(const Rows<T>& q, Index i, Out out, T& lse) const {
        if (visibility.extent(i) == 0) return;
        ExtendedRow<T> weights(visibility.extent(i)), sum = ExtendedRow<T>::Zero(kv.head_dim);
        for (Index j = 0; j < weights.size(); ++j) weights[j] = score(q, i, j);
        const Extended<T> max = weights.isNaN().any() ? weights.sum() : weights.maxCoeff();
        const bool none = max == -std::numeric_limits<Extended<T>>::infinity(); // no key has a weight
        if (none)
            weights.setZero();
        else
            weights = (weights - max).exp(); // NaN where the maximum is not finite
        for (Index j = 0; j < weights.size(); ++j) sum += weights[j] * kept(i, j) * extended<T>(kv.v, j, kv.head_dim);
        if (!none) sum /= weights.sum();
        if (!std::isfinite(lse)) {
            out.setConstant(std::numeric_limits<T>::quiet_NaN());
            lse = static_cast<T>(max + std::log(weights.sum()));
        }
        replace_spoiled(out, sum);
    }

    /// The gradient scale dQ of query i (D).
    [[gnu::cold, gnu::noinline]] ExtendedRow<T> query_gradient(const GradientHead<T>& head, Index i) const {
        ExtendedRow<T> sum = ExtendedRow<T>::Zero(kv.head_dim);
        for (Index j = 0; j < visibility.extent(i); ++j) sum += pair(head, i, j).ds * extended<T>(kv.k, j, kv.head_dim);
        return scale * sum;
    }

    /// Adds what query i brings to dK, not yet scaled, and dV of key j, which it sees.
    void add_key_gradient(const GradientHead<T>& head, Index i, Index j, ExtendedRow<T>& dk, ExtendedRow<T>& dv) const {
        const Pair terms = pair(head, i, j);
        dk += terms.ds * extended<T>(head.q.row(i));
        dv += terms.kept_weight * extended<T>(head.dout.row(i));
    }

private:
    struct Pair {
        Extended<T> kept_weight, ds; ///< P as it multiplies V, and dS
    };

    Extended<T> score(const Rows<T>& q, Index i, Index j) const {
        return scale * (extended<T>(q.row(i)) * extended<T>(kv.k, j, kv.head_dim)).sum();
    }

    Pair pair(const GradientHead<T>& head, Index i, Index j) const {
        if (head.lse[i] == -std::numeric_limits<T>::infinity()) return {0, 0};
        const Extended<T> above = score(head.q, i, j) - lowered<T>(head.lse[i]);
        const Extended<T> weight = above > 0 ? 1 : std::exp(above), factor = kept(i, j);
        const Extended<T> dp = factor * (extended<T>(head.dout.row(i)) * extended<T>(kv.v, j, kv.head_dim)).sum();
        return {weight * factor, weight * (dp - head.delta[i])};
    }

    /// The factor of dropout for the weight of a pair.
    Extended<T> kept(Index i, Index j) const {
        if (!dropout.drops()) return 1;
        const std::uint32_t word =
            dropout_word(dropout.seed, dropout.batch, dropout.head, visibility.queries[i], visibility.keys[j]);
        return word >= dropout.threshold() ? static_cast<Extended<T>>(dropout.kept()) : 0;
    }
};

/// The dk and dv of keys of one view, summed over the query heads of a group.
template <class T> struct ExtendedKeyGradients {
    const PackedKeysForGradient<T>& packed;
    Visibility visibility;
    T scale;
    std::span<const GradientHead<T>> heads;

    /// Puts dk, scaled, and dv of key j right in the channels from d on that are not finite, as many as a Row has
    /// lanes.
    [[gnu::cold, gnu::noinline]] void operator()(Index j, Index d, Row<T>& dk, Row<T>& dv) const {
        ExtendedRow<T> sum_k = ExtendedRow<T>::Zero(packed.head_dim), sum_v = sum_k;
        for (const GradientHead<T>& head : heads) {
            const ExtendedView<T, PackedKeysForGradient<T>> view{packed, visibility, head.dropout, scale};
            for (Index i = 0; i < visibility.queries.count; ++i)
                if (j < visibility.extent(i)) view.add_key_gradient(head, i, j, sum_k, sum_v);
        }
        const Index channels = std::min<Index>(lanes<T>, packed.head_dim - d);
        const auto row = [&](Row<T>& x) {
            return Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>(reinterpret_cast<T*>(&x), channels);
        };
        replace_spoiled(row(dk), scale * sum_k.segment(d, channels));
        replace_spoiled(row(dv), sum_v.segment(d, channels));
    }
};

} // namespace dra::kernel
