#pragma once
/// \file
/// K and V of one view, packed once and shared by all its panels, in strips that the register kernel reads from end to
/// end.
///
/// Strips of keys feed products that sum over channels (S^T = K Q^T, dP^T = V dO^T), strips of channels those that sum
/// over keys (O^T += V^T P^T, dQ^T += K^T dS^T). Panels and strips: product.hpp. Not installed.

#include "reference/attention/product.hpp"
#include "reference/definition/tensor.hpp"

#include <vector>

namespace dra::kernel {

/// Asks for rows [begin, end) of a view before they are needed: rows far apart are beyond the hardware's guesses.
template <class Map> DRA_INLINE void prefetch(const Map& rows, Index begin, Index end) {
    constexpr Index line = 64 / sizeof(typename Map::Scalar);
    for (Index i = begin; i < std::min<Index>(end, rows.rows()); ++i)
        for (Index d = 0; d < rows.cols(); d += line) __builtin_prefetch(rows.data() + i * rows.outerStride() + d);
}

/// Asks for one of `shares` equal shares of n elements to be in L2 soon.
template <class T> DRA_INLINE void prefetch_share(const T* x, Index n, int share, int shares) {
    constexpr Index line = 64 / sizeof(T);
    for (Index i = n * share / shares; i < n * (share + 1) / shares; i += line) __builtin_prefetch(x + i, 0, 2);
}

/// Rows of a view in strips of keys: (keys / strip, D, strip).
template <class T> class KeyStrips {
public:
    /// Makes room for so many keys; memory only grows.
    void resize(Index keys, Index head_dim) {
        head_dim_ = head_dim;
        elements_.resize(std::max(elements_.size(), static_cast<std::size_t>(strips_up(keys) * head_dim)));
    }

    /// The strip that begins with key j.
    const T* at(Index j) const { return elements_.data() + j * head_dim_; }

    /// Channel d of key j.
    T operator()(Index j, Index d) const { return at(j / strip * strip)[d * strip + j % strip]; }

    /// Asks for a share of the strip that begins with key j, which need not exist.
    DRA_INLINE void prefetch_strip(Index j, int share, int shares) const {
        if (j * head_dim_ < static_cast<Index>(elements_.size()))
            prefetch_share(at(j), strip * head_dim_, share, shares);
    }

    /// Packs keys j, ..., j + n - 1, n <= strip; j is a multiple of strip.
    DRA_INLINE void pack_strip(const Rows<T>& from, Index j, Index n) {
        transpose<strip>(n, head_dim_, T(1), from.data() + j * from.outerStride(), from.outerStride(),
                         elements_.data() + j * head_dim_, Index{strip});
    }

private:
    Index head_dim_ = 0;
    std::vector<T> elements_;
};

/// Rows of a view in strips of channels: (D / strip, keys, strip).
template <class T> class ChannelStrips {
public:
    /// Makes room for so many keys; memory only grows.
    void resize(Index keys, Index head_dim) {
        keys_ = keys, head_dim_ = head_dim;
        elements_.resize(std::max(elements_.size(), static_cast<std::size_t>(keys * strips_up(head_dim))));
    }

    /// Asks for a share of the strip of channels d, ..., at keys j, ..., j + n - 1, as far as they exist.
    DRA_INLINE void prefetch_strip(Index d, Index j, Index n, int share, int shares) const {
        if (j < keys_) prefetch_share(at(d, j), std::min(n, keys_ - j) * strip, share, shares);
    }

    /// The strip of channels d, ..., from key j on; j and d are multiples of strip.
    const T* at(Index d, Index j) const { return elements_.data() + d * keys_ + j * strip; }

    /// Channel d of key j.
    T operator()(Index j, Index d) const { return at(d / strip * strip, j)[d % strip]; }

    /// Packs keys j, ..., j + n - 1, n <= strip.
    DRA_INLINE void pack_strip(const Rows<T>& from, Index j, Index n) {
        for (Index d = 0; d < head_dim_; d += strip)
            copy(head_dim_ - d, n, from.data() + j * from.outerStride() + d, from.outerStride(),
                 elements_.data() + d * keys_ + j * strip);
    }

private:
    Index keys_ = 0, head_dim_ = 0;
    std::vector<T> elements_;
};

/// Calls pack(j, n) for the strips of keys [begin, end), asking for rows of k and v two strips ahead.
template <class T, class Pack>
DRA_INLINE void for_each_strip(const Rows<T>& k, const Rows<T>& v, Index begin, Index end, Pack pack) {
    for (Index j = begin; j < end; j += strip) {
        prefetch(k, j + 2 * strip, j + 3 * strip);
        prefetch(v, j + 2 * strip, j + 3 * strip);
        pack(j, std::min<Index>(strip, end - j));
    }
}

/// The keys and values of one view, packed for attention.
template <class T> struct PackedKeys {
    Index keys = 0, head_dim = 0;
    KeyStrips<T> k;
    ChannelStrips<T> v;

    /// Makes room for so many keys; memory only grows.
    void resize(Index new_keys, Index new_head_dim) {
        keys = new_keys, head_dim = new_head_dim;
        k.resize(keys, head_dim);
        v.resize(keys, head_dim);
    }

    /// Packs keys [begin, end); begin is a multiple of strip. Parts can be packed by different threads.
    void pack(const Rows<T>& from_k, const Rows<T>& from_v, Index begin, Index end) {
        for_each_strip(from_k, from_v, begin, end, [&](Index j, Index n) {
            k.pack_strip(from_k, j, n);
            v.pack_strip(from_v, j, n);
        });
    }
};

/// The keys and values of one view, packed for the gradients: K for both of its products, V for dP^T.
template <class T> struct PackedKeysForGradient {
    Index keys = 0, head_dim = 0;
    KeyStrips<T> k, v;
    ChannelStrips<T> k_channels;

    /// Makes room for so many keys; memory only grows.
    void resize(Index new_keys, Index new_head_dim) {
        keys = new_keys, head_dim = new_head_dim;
        k.resize(keys, head_dim);
        v.resize(keys, head_dim);
        k_channels.resize(keys, head_dim);
    }

    /// Packs keys [begin, end); begin is a multiple of strip. Parts can be packed by different threads.
    void pack(const Rows<T>& from_k, const Rows<T>& from_v, Index begin, Index end) {
        for_each_strip(from_k, from_v, begin, end, [&](Index j, Index n) {
            k.pack_strip(from_k, j, n);
            v.pack_strip(from_v, j, n);
            k_channels.pack_strip(from_k, j, n);
        });
    }
};

} // namespace dra::kernel
