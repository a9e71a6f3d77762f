#pragma once
/// \file
/// The gradients of dilated attention: every head, every pattern, on all cores; in a child of fork(), on one.

#include "reference/attention/workspace.hpp"

namespace dra {

/// The dq, dk and dv of the plan's problem from the `result` of dilated_attention, and from `dout` [B, N, H, D], the
/// gradient of a loss with respect to its out (Dao et al., arXiv:2205.14135, alg. 4). dq, dk and dv are overwritten
/// entirely, poison included.
///
/// Views of all patterns add up, since P = e^(s - lse) with the total lse: the mixing weights are differentiated.
/// problem.stop_gradient_mixing takes them for constants, as torchscale does (defect `mixing-detached`): of pattern p
///
///     delta_p = sum_d dout_d O_p,d    in place of    delta = sum_d dout_d out_d,
///
/// O_p being the output of pattern p alone, computed anew. dk and dv are summed over the query heads of a group. Rows
/// that see no key have dq = 0, keys that nobody sees have dk = dv = 0. 10 D FLOPs per visible pair (14 with
/// stop_gradient_mixing); no memory of the order of N^2: packed keys, and dk, dv of a few parts of every view of a
/// wave. The result is the same, bit for bit, for every number of threads. float and double.
///
/// Allocates nothing and touches no state but its arguments, as the forward pass: `workspace` was made for
/// this plan, by the thread that calls.
template <class T> void dilated_attention_gradient(const Plan& plan, const InputsView<T>& inputs,
                                                   const AttentionView<const T>& result, TensorView<const T> dout,
                                                   const GradientsView<T>& into, GradientWorkspace<T>& workspace);

/// The gradients of a problem, whose plan is run once.
template <class T> void dilated_attention_gradient(const Problem& problem, const InputsView<T>& inputs,
                                                   const AttentionView<const T>& result, TensorView<const T> dout,
                                                   const GradientsView<T>& into);

/// The same into new tensors.
template <class T> Gradients<T> dilated_attention_gradient(const Problem& problem, const InputsView<T>& inputs,
                                                           const AttentionView<const T>& result,
                                                           TensorView<const T> dout);

} // namespace dra
