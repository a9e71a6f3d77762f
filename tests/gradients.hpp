#pragma once
/// \file
/// Random problems with a dout, poisoned memory for gradients, and the verdict on them.

#include "tests/problems.hpp"

namespace dra::test {

/// The gradient of a loss with respect to out: normals, and 1 in channel 0, where v is 1. Neither dP nor dv of few rows
/// then cancels to something so small that rounding looks large against it.
template <class T> Tensor<T> random_dout(Shape shape, std::uint64_t seed) {
    Tensor<T> dout = random_normal<T>(shape, ~seed);
    for (Index i = 0; i < dout.size(); i += shape.head_dim) dout.flat()[i] = 1;
    return dout;
}

/// Inputs, and the gradient of a loss with respect to out.
template <class T> struct GradientInputs : RandomInputs<T> {
    Tensor<T> dout;

    explicit GradientInputs(const Question& asked)
        : RandomInputs<T>(asked), dout(random_dout<T>(asked.q, asked.seed)) {}

    Oracle truth() const { return oracle<T>(this->problem, *this, dout.view()); }
};

/// Gradients that nobody has written yet.
template <class T> Gradients<T> poisoned_gradients(const Problem& problem) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    return {{problem.q_shape(), nan}, {problem.kv_shape(), nan}, {problem.kv_shape(), nan}};
}

/// The worst of the three, in units of the bound of gradients: at most 1 is right.
inline double of_gradient_bound(const ErrorRatios& ratios) {
    return std::max({ratios.dq, ratios.dk, ratios.dv}) / gradient_bound;
}

/// Bit for bit the same, for gradients without NaN.
template <class T> bool same(const Gradients<T>& x, const Gradients<T>& y) {
    const auto equal = [](const Tensor<T>& a, const Tensor<T>& b) {
        return a.shape() == b.shape() && (a.flat() == b.flat()).all();
    };
    return equal(x.dq, y.dq) && equal(x.dk, y.dk) && equal(x.dv, y.dv);
}

} // namespace dra::test
