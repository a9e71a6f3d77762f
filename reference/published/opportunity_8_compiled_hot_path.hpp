#pragma once
/// \file
/// Opportunity 8, the compiled hot path. It teaches that a compiler fuses what need not have been apart: the fused pass
/// can be written down, and then there is nothing to compile at run time.
///
/// The report: "torch.compile: apply to hot paths for additional speedup". None was published, so there is no rung
/// `after`.
///
///     before, of every pattern, each line over all (view, query head) on all cores, into a new temporary:
///     q, k, v = rows;  s = q k^T;  s = scale s;  s = where(visible, s, -inf);  m = max s;  s = s - m;  p = e^s;
///     l = sum p;  p = p / l;  o = p v;  lse = m + log l;  then merged into the rows
///
/// | rung       | form                                                    | temporaries of a call          |
/// |------------|---------------------------------------------------------|--------------------------------|
/// | before     | one operation after the other, over whole tensors       | 6 n^2 per view, 4 n D + 3 n    |
/// | after      | none was published                                      |                                |
/// | principled | a plan made once, then runs: online softmax, in registers | none                         |
///
/// The products are Eigen's, one block of rows per thread. On a GPU a captured graph of launches is the third rung's
/// form.

#include "reference/published/copied_rows.hpp"

namespace dra::published::opportunity_8 {

/// Attention of the problem. Rung `after` is empty. Rung `before` computes hidden pairs too, 4 D FLOPs each.
template <class T> Call<T> call(Rung rung, const Problem& problem);

} // namespace dra::published::opportunity_8
