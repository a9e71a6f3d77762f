#pragma once
/// \file
/// Sums and merges of many parts, one after another, whose error does not grow with their number.
///
/// A sum that is rounded after every part loses up to u / 2 of its own size each time; a ring has thousands of parts.
/// Beside every number lies what its last rounding lost, which joins the next part, so that the number alone is always
/// the sum as it would be rounded once (Knuth, The Art of Computer Programming 2, 4.2.2, theorem B; Ogita, Rump and
/// Oishi, doi:10.1137/030601818). Not installed.

#include "reference/attention/partial.hpp"

namespace dra {

/// sum + lost becomes sum + lost + part, sum being its rounding.
template <class T> void add(T& sum, T& lost, T part) {
    const T step = lost + part, before = sum;
    sum = before + step;
    const T of_step = sum - before;
    lost = (before - (sum - of_step)) + (step - of_step);
}

/// The same of every element.
template <class T> void add(MutableRows<T> sum, MutableRows<T> lost, const Rows<T>& part) {
    for (Index i = 0; i < sum.rows(); ++i)
        for (Index d = 0; d < sum.cols(); ++d) add(sum(i, d), lost(i, d), part(i, d));
}

/// A partial that many others are merged into: out and lse, and what their roundings lost.
template <class T> struct RunningPartial {
    Partial<T> sum, lost;

    /// Merges row by row, as merge() does: the lighter side's weight is what the heavier one moves by towards it, so
    /// that a part of weight w brings an error of the order of w u, and all of them together one of u.
    void merge(const Partial<T>& other) {
        for (Index i = 0; i < sum.out.rows(); ++i) merge_row(i, other.out.row(i), other.lse[i]);
    }

private:
    template <class Row> void merge_row(Index i, const Row& other_out, T other_lse) {
        constexpr T of_identity = -std::numeric_limits<T>::infinity();
        T& lse = sum.lse[i];
        if (other_lse == of_identity) return;
        if (lse == of_identity) {
            sum.out.row(i) = other_out;
            lse = other_lse;
            return;
        }
        const T ahead = (other_lse - lse) - lost.lse[i], ratio = std::exp(-std::abs(ahead)),
                lighter = ratio / (1 + ratio);
        const bool overtakes = ahead > 0;
        for (Index d = 0; d < sum.out.cols(); ++d)
            step(sum.out(i, d), lost.out(i, d), other_out[d], lighter, overtakes);
        if (overtakes) lse = other_lse, lost.lse[i] = 0;
        add(lse, lost.lse[i], std::log1p(ratio));
    }

    static void step(T& out, T& out_lost, T other, T lighter, bool overtakes) {
        const T towards_other = lighter * other - lighter * out - lighter * out_lost;
        if (overtakes) out = other, out_lost = 0;
        add(out, out_lost, overtakes ? -towards_other : towards_other);
    }
};

} // namespace dra
