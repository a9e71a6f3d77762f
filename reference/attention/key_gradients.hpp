#pragma once
/// \file
/// dK and dV of one view while they are summed, query block by query block, channels in the lanes: product.hpp. Not
/// installed.

#include "reference/attention/gradient.hpp"
#include "reference/attention/product.hpp"

#include <span>
#include <vector>

namespace dra::kernel {

/// The dK and dV of some keys, (D / lanes, keys) each. Nothing is ever zeroed: the first to bring something to a key
/// stores it.
template <class T> class KeyGradients {
public:
    /// Makes room for so many keys, to none of which anything has been brought; memory only grows.
    void resize(Index keys, Index head_dim) {
        keys_ = strips_up(keys), summed_ = 0;
        const Index size = keys_ * ceil_div(head_dim, lanes<T>) + strip; // one strip is prefetched beyond the last
        dk_.resize(std::max(dk_.size(), static_cast<std::size_t>(size)));
        dv_.resize(dk_.size());
    }

    /// The rows of key j and the following, channels [c lanes, (c + 1) lanes).
    Row<T>* dk(Index c, Index j) { return dk_.data() + c * keys_ + j; }
    Row<T>* dv(Index c, Index j) { return dv_.data() + c * keys_ + j; }
    const Row<T>* dk(Index c, Index j) const { return dk_.data() + c * keys_ + j; }
    const Row<T>* dv(Index c, Index j) const { return dv_.data() + c * keys_ + j; }

    /// The first key that holds nothing yet.
    Index summed() const { return summed_; }
    void set_summed(Index keys) { summed_ = std::max(summed_, strips_up(keys)); }

private:
    Index keys_ = 0, summed_ = 0;
    std::vector<Row<T>> dk_, dv_;
};

/// Sums parts over `keys`, in their order, and stores dk, scaled, and dv in rows of the view or adds them to what is
/// there. again(j, d, dk, dv) computes the channels from d on of a key that left the type, dk scaled.
template <class T, class Again> void add_up(std::span<const KeyGradients<T>> parts, const KeyGradientRows<T>& into,
                                            T scale, const Interval& keys, Combine combine, const Again& again) {
    auto [dk, dv] = into;
    const auto bring = [combine](Row<T> sum, Index channels, T* to) {
        Row<T> before{};
        if (combine == Combine::merge) copy_channels<T>(channels, to, &before);
        DRA_UNROLL (i, vectors) sum.v[i] += before.v[i];
        copy_channels<T>(channels, &sum, to);
    };
    for (Index d = 0; d < dk.cols(); d += lanes<T>)
        for (Index j = keys.begin; j < keys.end; ++j) {
            Row<T> sum_k{}, sum_v{};
            for (const KeyGradients<T>& part : parts) {
                if (j >= part.summed()) continue;
                DRA_UNROLL (i, vectors) {
                    sum_k.v[i] += part.dk(d / lanes<T>, j)->v[i];
                    sum_v.v[i] += part.dv(d / lanes<T>, j)->v[i];
                }
            }
            Vector<T> spoiled{}; // 0 times what is not finite is NaN
            DRA_UNROLL (i, vectors) spoiled += T(0) * sum_k.v[i] + T(0) * sum_v.v[i];
            DRA_UNROLL (i, vectors) sum_k.v[i] *= scale;
            if (any_nan<T>(spoiled)) again(j, d, sum_k, sum_v);
            bring(sum_k, dk.cols() - d, dk.row(j).data() + d);
            bring(sum_v, dv.cols() - d, dv.row(j).data() + d);
        }
}

} // namespace dra::kernel
