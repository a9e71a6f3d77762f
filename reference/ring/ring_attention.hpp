#pragma once
/// \file
/// Ring attention: the schedule run rank by rank in one thread, with q, k, v, out and lse all sharded. It is the
/// reference that the distributed backends are held against (Liu et al., Ring Attention, arXiv:2310.01889).

#include "reference/ring/schedule.hpp"

namespace dra {

/// Attention of the whole problem through a ring of problem.ranks ranks in problem.layout.
///
/// Every rank merges one partial per step, over the shard that visits it; positions stay global, so segments, phases
/// and causality never notice where a shard begins (defects `chunk-relative-phase`, `mask-sign`, `segments-ignored`).
/// The result does not depend on R or on the layout, up to rounding. R may exceed N: the last ranks own nothing. float
/// and double.
template <class T> Attention<T> ring_attention(const Problem& problem, const InputsView<T>& inputs);

} // namespace dra
