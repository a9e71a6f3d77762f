#pragma once
/// \file
/// Fix 3, the double computation. It teaches that the pass which computes attention already knows its statistics: to
/// merge chunks nothing needs to be computed twice.
///
/// The report: "Fixed double attention computation ... ~50 % reduction in computation for Flash-enabled paths".
/// The class: flash attention gave the chunk's output, then QK^T was computed again for the maximum and the sum of
/// exponentials. After the fix QK^T is still computed again, for the maximum alone: 6 n n_kv d FLOPs as before, and the
/// sum of every chunk became 1. The branch asks for not causal and n = n_kv, which more than one rank never has.
///
///     before       out from the pass;  m_i = max_j s_ij;  l_i = sum_j e^(s_ij - m_i);  lse_i = m_i + log l_i
///     after        out from the pass;  m_i = max_j s_ij;  l_i = 1
///     principled   out and lse from the pass
///
/// | rung       | form                                             | FLOPs of a chunk | scores in memory |
/// |------------|--------------------------------------------------|------------------|------------------|
/// | before     | attention, then QK^T, maximum and sum again      | 6 n n_kv d       | n n_kv           |
/// | after      | attention, then QK^T and the maximum             | 6 n n_kv d       | n n_kv           |
/// | principled | the one pass returns lse                         | 4 n n_kv d       | none             |
///
/// Repaired: in the pipeline the lost sum of `after` is restored from the pass, l_i = e^(lse_i - m_i), one subtraction
/// per row; LostSum shows the published form. Masks hold in the second product as in the first. A row that sees nothing
/// has m = -inf, and nothing is subtracted from that (defect `empty-row-nan`).

#include "reference/published/attend_call.hpp"

namespace dra::published {

namespace fix_3 {

/// Computes a call by `attend`, with statistics found in the rung's way, and stores or merges it.
template <class T> void before(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine);
template <class T> void after(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine);
template <class T>
void after_as_published(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine);
template <class T> void principled(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine);

/// Statistics of every row from scores computed again and kept, (keys, rows) of them. 2 D FLOPs per pair.
template <class T> struct RowStatistics {
    Eigen::ArrayX<T> maximum; ///< (rows), the natural logarithm's scale; -inf in rows that see nothing
    Eigen::ArrayX<T> sum;     ///< (rows), the sum of e^(s - maximum); empty when it was not asked for
};
template <class T> RowStatistics<T> statistics_again(const AttendCall<T>& call, bool with_sum);

} // namespace fix_3
} // namespace dra::published
