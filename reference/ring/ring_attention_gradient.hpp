#pragma once
/// \file
/// The gradients of ring attention, rank by rank in one thread: K and V travel as in the forward pass, and with them
/// the dK and dV of the same tokens, to which every rank adds what its queries bring.

#include "reference/ring/schedule.hpp"

namespace dra {

/// The dq, dk and dv of the whole problem through a ring of problem.ranks ranks in problem.layout, from the `result` of
/// ring_attention and from `dout` [B, N, H, D], the gradient of a loss with respect to its out.
///
/// K and V are handed on R - 1 times; dK and dV R times, since they must come home to the rank that owns their tokens
/// (defect `gradient-rotated`). lse and delta are those of whole rows, so that steps add up without rescaling. With
/// problem.stop_gradient_mixing there is one forward round per pattern before. The result does not depend on R or on
/// the layout, up to rounding. float and double.
template <class T> Gradients<T> ring_attention_gradient(const Problem& problem, const InputsView<T>& inputs,
                                                        const AttentionView<const T>& result, TensorView<const T> dout);

} // namespace dra
