#pragma once
/// \file
/// dK and dV of one view while they are summed, bundle of queries by bundle, channels in the lanes. Not installed.

#include "reference/attention/product.hpp"
#include "reference/definition/tensor.hpp"

#include <vector>

namespace dra::kernel {

/// dK and dV, (D / lanes, keys), each. Nothing is ever zeroed: the first to bring something to a key stores it.
template <class T> class KeyGradients {
public:
    /// Makes room for so many keys, to none of which anything has been brought; memory only grows.
    void resize(Index keys, Index head_dim) {
        keys_ = strips_up(keys), summed_ = 0;
        const Index size = keys_ * ceil_div(head_dim, lanes<T>) + strip; // one is asked ahead
        dk_.resize(std::max(dk_.size(), static_cast<std::size_t>(size)));
        dv_.resize(dk_.size());
    }

    /// Rows of key j and the following, channels of lane group c.
    Row<T>* dk(Index c, Index j) { return dk_.data() + c * keys_ + j; }
    Row<T>* dv(Index c, Index j) { return dv_.data() + c * keys_ + j; }

    /// Keys from here on hold nothing yet.
    Index summed() const { return summed_; }
    void set_summed(Index keys) { summed_ = std::max(summed_, strips_up(keys)); }

    /// Adds keys [begin, end) to rows of the view: dk, scaled, and dv.
    void add_to(MutableRows<T> dk_rows, MutableRows<T> dv_rows, T scale, Index begin, Index end) const {
        const Index n = std::max(std::min(end, summed_) - begin, Index{0});
        for (Index c = 0; c * lanes<T> < dk_rows.cols(); ++c) {
            const Index d = c * lanes<T>, channels = std::min<Index>(lanes<T>, dk_rows.cols() - d);
            dk_rows.block(begin, d, n, channels) += scale * rows(dk_, c).block(begin, 0, n, channels);
            dv_rows.block(begin, d, n, channels) += rows(dv_, c).block(begin, 0, n, channels);
        }
    }

private:
    /// Lane group c as a matrix (keys, lanes).
    Rows<T> rows(const std::vector<Row<T>>& x, Index c) const {
        return {reinterpret_cast<const T*>(x.data() + c * keys_), keys_, lanes<T>, Eigen::OuterStride<>(lanes<T>)};
    }

    Index keys_ = 0, summed_ = 0;
    std::vector<Row<T>> dk_, dv_;
};

} // namespace dra::kernel
