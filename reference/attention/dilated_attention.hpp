#pragma once
/// \file
/// Dilated attention: every head, every pattern, on all cores (LongNet, arXiv:2307.02486, section 2.2); in a child of
/// fork(), on one.
///
/// A head's rows under a pattern are strided views, one per segment; each view gives a partial; patterns of a mixture
/// are merged in place. Query heads that share a KV head share its packed keys.

#include "reference/attention/workspace.hpp"

namespace dra {

/// Attention of the plan's problem; out and lse are overwritten entirely, poison included.
///
/// Allocates nothing and touches no state but its arguments: one plan may be run by several threads at a time, with
/// outputs and a workspace each. The result is that of a plan run once, bit for bit. `workspace` was made for this
/// plan, by the thread that calls: another's first run may start a team, for which OpenMP allocates. float and double.
template <class T> void dilated_attention(const Plan& plan, const InputsView<T>& inputs, const AttentionView<T>& into,
                                          Workspace<T>& workspace);

/// Attention of a problem, whose plan is run once.
///
/// Rows that no pattern selects are (0, -inf). Time O(visible pairs * D); memory beyond the tensors is the packed keys
/// of one wave of views, independent of N. The result is the same, bit for bit, for every number of threads. float and
/// double.
template <class T>
void dilated_attention(const Problem& problem, const InputsView<T>& inputs, const AttentionView<T>& into);

/// The same into new tensors.
template <class T> Attention<T> dilated_attention(const Problem& problem, const InputsView<T>& inputs);

} // namespace dra
