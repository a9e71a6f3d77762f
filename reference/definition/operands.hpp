#pragma once
/// \file
/// The operands of attention and of its gradient: q, k and v that they read, what they write; owned, or as views of
/// what somebody else owns. What owns converts to its view.

#include "reference/definition/tensor.hpp"

namespace dra {

/// The operands that attention reads.
template <class T> struct InputsView {
    TensorView<const T> q;    ///< [B, N, H, D]
    TensorView<const T> k, v; ///< [B, N, Hkv, D]
};

/// The operands that attention reads, owned.
template <class T> struct Inputs {
    Tensor<T> q;    ///< [B, N, H, D]
    Tensor<T> k, v; ///< [B, N, Hkv, D]

    operator InputsView<T>() const { return {q, k, v}; }
};

/// The result of attention, or the memory that it goes to; `T` is const where it is read.
template <class T> struct AttentionView {
    using Value = std::remove_const_t<T>;

    TensorView<T> out;                                                         ///< [B, N, H, D]
    std::conditional_t<std::is_const_v<T>, const Lse<Value>, Lse<Value>>& lse; ///< [B, H, N]

    operator AttentionView<const T>() const { return {out, lse}; }
};

/// The result of attention, owned.
template <class T> struct Attention {
    Tensor<T> out; ///< [B, N, H, D]; 0 in rows that see no key
    Lse<T> lse;    ///< [B, H, N]; -inf in rows that see no key

    operator AttentionView<T>() { return {out, lse}; }
    operator AttentionView<const T>() const { return {out, lse}; }
};

/// The gradients of a loss with respect to q, k and v, in their shapes, or the memory that they go to.
template <class T> struct GradientsView { TensorView<T> dq, dk, dv; };

/// The gradients, owned.
template <class T> struct Gradients {
    Tensor<T> dq;     ///< [B, N, H, D]
    Tensor<T> dk, dv; ///< [B, N, Hkv, D]

    operator GradientsView<T>() { return {dq, dk, dv}; }
};

} // namespace dra
