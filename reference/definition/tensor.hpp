#pragma once
/// \file
/// [B, N, H, D] tensors, and the rows of one head as strided Eigen maps.
///
/// Element (b, n, h, d) of a Tensor lies at ((b*N + n)*H + h)*D + d. The rows of one (b, h) are therefore a matrix (N,
/// D) whose rows are H*D elements apart, and the rows at positions first + t*stride are one with rows stride*H*D apart:
/// dilation costs neither a copy nor an index list. Of a TensorView, which may be a part of a tensor or an array of
/// another layout, as [B, H, N, D], only the D channels of a row must lie side by side.

#include "reference/definition/compiled_alike.hpp"
#include "reference/definition/error.hpp"
#include "reference/definition/positions.hpp"

#include <Eigen/Core>

#include <array>
#include <type_traits>

namespace dra {

/// A matrix that owns its elements, row after row.
template <class T> using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The type that holds every product of a few numbers of T, where long double is wider than double.
template <class T> using Extended = std::conditional_t<sizeof(T) == 4, double, long double>;

/// Rows of one head, read-only or writable: (rows, D), contiguous in D, `outerStride()` elements from row to row.
template <class T> using Rows = Eigen::Map<const RowMajor<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T> using MutableRows = Eigen::Map<RowMajor<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

/// One number per row, `innerStride()` elements apart: lse of one head, read-only or writable.
template <class T> using Column = Eigen::Map<const Eigen::ArrayX<T>, Eigen::Unaligned, Eigen::InnerStride<>>;
template <class T> using MutableColumn = Eigen::Map<Eigen::ArrayX<T>, Eigen::Unaligned, Eigen::InnerStride<>>;

/// The four sizes of q, k, v and out.
struct Shape {
    Index batch = 0;    ///< B
    Index tokens = 0;   ///< N
    Index heads = 0;    ///< H, or Hkv for k and v
    Index head_dim = 0; ///< D

    constexpr Index size() const { return batch * tokens * heads * head_dim; }
    constexpr bool operator==(const Shape&) const = default;
};

/// The number of elements from one batch, token or head to the next; channels lie side by side.
struct Strides {
    Index batch = 0, token = 0, head = 0;

    /// The strides of a Tensor.
    static constexpr Strides contiguous(const Shape& shape) {
        const Index head = shape.head_dim, token = shape.heads * head;
        return {shape.tokens * token, token, head};
    }
    constexpr bool operator==(const Strides&) const = default;
};

/// A tensor that somebody else owns; `T` is const for inputs.
template <class T> class TensorView {
public:
    TensorView() = default;
    TensorView(T* data, Shape shape) : TensorView(data, shape, Strides::contiguous(shape)) {}
    TensorView(T* data, Shape shape, Strides strides) : data_(data), shape_(shape), strides_(strides) {}
    operator TensorView<const T>() const { return {data_, shape_, strides_}; }

    T* data() const { return data_; }
    const Shape& shape() const { return shape_; }
    const Strides& strides() const { return strides_; }
    Index size() const { return shape_.size(); }
    bool is_contiguous() const { return strides_ == Strides::contiguous(shape_); }

    /// All elements as one array (B*N*H*D). Throws ShapeError where they are not contiguous.
    auto flat() const {
        if (!is_contiguous()) throw ShapeError("strides", "not contiguous", "must be those of a Tensor");
        return Eigen::Map<Flat>(data_, size());
    }

    /// The first channel of row n of (b, h).
    T* row(Index b, Index n, Index h) const {
        return data_ + b * strides_.batch + n * strides_.token + h * strides_.head;
    }

    /// The rows of (b, h) at `positions`, as a map (positions.count, D).
    auto rows(Index b, Index h, const Positions& positions) const {
        const Index apart = positions.stride * strides_.token;
        T* first = positions.empty() ? data_ : row(b, positions.first, h);
        return Map(first, positions.count, shape_.head_dim, Eigen::OuterStride<>(apart));
    }
    auto rows(Index b, Index h) const { return rows(b, h, {0, 1, shape_.tokens}); }

private:
    using Value = std::remove_const_t<T>;
    using Map = std::conditional_t<std::is_const_v<T>, Rows<Value>, MutableRows<Value>>;
    using Flat = std::conditional_t<std::is_const_v<T>, const Eigen::ArrayX<Value>, Eigen::ArrayX<Value>>;

    T* data_ = nullptr;
    Shape shape_;
    Strides strides_;
};

/// An owned tensor; its elements start uninitialised.
template <class T> class Tensor {
public:
    Tensor() = default;
    explicit Tensor(Shape shape) : shape_(shape), elements_(shape.size()) {}
    Tensor(Shape shape, T value) : Tensor(shape) { elements_.setConstant(value); }

    TensorView<T> view() { return {elements_.data(), shape_}; }
    TensorView<const T> view() const { return {elements_.data(), shape_}; }
    operator TensorView<T>() { return view(); }
    operator TensorView<const T>() const { return view(); }

    T* data() { return elements_.data(); }
    const T* data() const { return elements_.data(); }
    const Shape& shape() const { return shape_; }
    Index size() const { return elements_.size(); }
    bool empty() const { return size() == 0; }
    Eigen::ArrayX<T>& flat() { return elements_; }
    const Eigen::ArrayX<T>& flat() const { return elements_; }

    T& operator()(Index b, Index n, Index h, Index d) { return elements_[offset(b, n, h, d)]; }
    const T& operator()(Index b, Index n, Index h, Index d) const { return elements_[offset(b, n, h, d)]; }

    template <class U> Tensor<U> cast() const {
        Tensor<U> other(shape_);
        other.flat() = elements_.template cast<U>();
        return other;
    }

private:
    Index offset(Index b, Index n, Index h, Index d) const {
        return ((b * shape_.tokens + n) * shape_.heads + h) * shape_.head_dim + d;
    }

    Shape shape_;
    Eigen::ArrayX<T> elements_;
};

/// Log-sum-exp of every row, [B, H, N]: the natural logarithm of the sum of e^(scaled score) over the keys that the row
/// sees.
template <class T> class Lse {
public:
    Lse() = default;
    Lse(Index batch, Index heads, Index tokens)
        : batch_(batch), heads_(heads), tokens_(tokens), values_(batch * heads * tokens) {}

    std::array<Index, 3> shape() const { return {batch_, heads_, tokens_}; }
    Index size() const { return values_.size(); }
    T* data() { return values_.data(); }
    const T* data() const { return values_.data(); }
    Eigen::ArrayX<T>& flat() { return values_; }
    const Eigen::ArrayX<T>& flat() const { return values_; }
    T& operator()(Index b, Index h, Index n) { return values_[(b * heads_ + h) * tokens_ + n]; }
    const T& operator()(Index b, Index h, Index n) const { return values_[(b * heads_ + h) * tokens_ + n]; }

    /// The values of (b, h) at `positions`, one per row.
    MutableColumn<T> rows(Index b, Index h, const Positions& positions) {
        T* first = positions.empty() ? data() : &(*this)(b, h, positions.first);
        return {first, positions.count, Eigen::InnerStride<>(positions.stride)};
    }
    Column<T> rows(Index b, Index h, const Positions& positions) const {
        const T* first = positions.empty() ? data() : &(*this)(b, h, positions.first);
        return {first, positions.count, Eigen::InnerStride<>(positions.stride)};
    }

private:
    Index batch_ = 0, heads_ = 0, tokens_ = 0;
    Eigen::ArrayX<T> values_;
};

} // namespace dra
