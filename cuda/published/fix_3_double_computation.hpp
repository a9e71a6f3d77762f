#pragma once
/// \file
/// Fix 3 on a device: where a chunk's statistics come from. It teaches that the kernel which computes attention holds
/// the maximum and the sum of every row in registers when it ends; asking for them costs one store per row.
///
/// | rung       | form                                              | launches | FLOPs of a chunk |
/// |------------|---------------------------------------------------|----------|------------------|
/// | before     | attention, then a kernel for QK^T, maximum, sum   | 2        | 6 n n_kv d       |
/// | after      | attention, then a kernel for QK^T and the maximum | 2        | 6 n n_kv d       |
/// | principled | the attention kernel writes lse                   | 1        | 4 n n_kv d       |
///
/// Repaired as on the CPU: the sum that `after` lost is restored from the pass; LostSum shows the published form. The
/// two rungs that compute twice merge by a kernel of their own, because the statistics come after the outputs.

#include "cuda/published/fix_4_duplicate_methods.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// What the result of a call is merged into; null: it stays the partial that the call names.
struct Into {
    float* out = nullptr; ///< [B, N, H, D]
    float* lse = nullptr; ///< [B, H, N]
};

namespace fix_3 {

/// Computes a call by `method`, with statistics found in the rung's way.
using ByStatistics = void (*)(CountedStream& stream, DType type, const AttendCall& call, Method method, Into into);

void before(CountedStream&, DType, const AttendCall&, Method, Into);
void after(CountedStream&, DType, const AttendCall&, Method, Into);
void after_as_published(CountedStream&, DType, const AttendCall&, Method, Into);
void principled(CountedStream&, DType, const AttendCall&, Method, Into);

} // namespace fix_3
} // namespace dra::cuda::DRA_TARGET::rungs
