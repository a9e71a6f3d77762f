#pragma once
/// \file
/// What each kernel's file offers to the ladder: a function that queues one launch of it.

#include "cuda/kernels/ladder.hpp"

namespace dra::cuda::DRA_TARGET {

cudaError_t run_naive(const Launch& launch);
cudaError_t run_tiled(const Launch& launch);
cudaError_t run_tensor_core(const Launch& launch);
cudaError_t run_pipelined(const Launch& launch);
cudaError_t run_wide(const Launch& launch);
cudaError_t run_hopper(const Launch& launch);
cudaError_t run_warp_specialized(const Launch& launch);
cudaError_t run_overlapped(const Launch& launch);
cudaError_t run_balanced(const Launch& launch);
cudaError_t run_fixed_reference(const Launch& launch);
cudaError_t run_all_patterns(const Launch& launch);

/// fixed_reference where queries and keys are two views.
cudaError_t run_fixed_reference_of_shards(const Launch& launch);

} // namespace dra::cuda::DRA_TARGET
