#pragma once
/// \file
/// The operands of attention and of its gradient: q, k and v that they read, what they write; owned, or as views of what
/// somebody else owns. What owns converts to its view.

#include "reference/definition/tensor.hpp"

namespace dra {

/// What attention is asked about.
template <class T> struct InputsView {
    TensorView<const T> q;    ///< [B, N, H, D]
    TensorView<const T> k, v; ///< [B, N, Hkv, D]
};

template <class T> struct Inputs {
    Tensor<T> q, k, v;

    operator InputsView<T>() const { return {q, k, v}; }
};

/// What attention gives back, or where; `T` is const where it is read.
template <class T> struct AttentionView {
    using Value = std::remove_const_t<T>;

    TensorView<T> out;
    std::conditional_t<std::is_const_v<T>, const Lse<Value>, Lse<Value>>& lse;

    operator AttentionView<const T>() const { return {out, lse}; }
};

template <class T> struct Attention {
    Tensor<T> out; ///< [B, N, H, D]; 0 in rows that see no key
    Lse<T> lse;    ///< [B, H, N]; -inf in rows that see no key

    operator AttentionView<T>() { return {out, lse}; }
    operator AttentionView<const T>() const { return {out, lse}; }
};

/// The gradients of a loss with respect to q, k and v; the shapes of q, k and v.
template <class T> struct GradientsView { TensorView<T> dq, dk, dv; };

template <class T> struct Gradients {
    Tensor<T> dq, dk, dv;

    operator GradientsView<T>() { return {dq, dk, dv}; }
};

} // namespace dra
