#pragma once
/// \file
/// A problem forward and backward, by the engine and by a ring.

#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "tests/gradients.hpp"

#include <utility>

namespace dra::test {

/// What attention gives back, and the gradients by it.
template <class T> struct Both {
    Attention<T> forward;
    Gradients<T> backward;
};

template <class T> Both<T> run(const GradientInputs<T>& inputs) {
    Attention<T> result = dilated_attention<T>(inputs.problem, inputs);
    Gradients<T> gradients = dilated_attention_gradient<T>(inputs.problem, inputs, result, inputs.dout);
    return {std::move(result), std::move(gradients)};
}

template <class T> Both<T> run_ring(const GradientInputs<T>& inputs) {
    Attention<T> result = ring_attention<T>(inputs.problem, inputs);
    Gradients<T> gradients = ring_attention_gradient<T>(inputs.problem, inputs, result, inputs.dout);
    return {std::move(result), std::move(gradients)};
}

} // namespace dra::test
