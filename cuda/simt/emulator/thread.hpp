#pragma once
/// \file
/// Who a CUDA thread is.

#include "cuda/simt/emulator/vector_types.hpp"

namespace dra::simt {

// The built-in variables are set for every fiber before it runs. A block never leaves its OS thread, so the compiler
// may keep their addresses.
#define DRA_SIMT_BUILT_IN extern thread_local constinit __attribute__((tls_model("initial-exec")))
DRA_SIMT_BUILT_IN uint3 threadIdx;
DRA_SIMT_BUILT_IN uint3 blockIdx;
DRA_SIMT_BUILT_IN dim3 blockDim;
DRA_SIMT_BUILT_IN dim3 gridDim;
#undef DRA_SIMT_BUILT_IN

/// The calling thread's number in its warp.
inline unsigned lane_id() { return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32; }

} // namespace dra::simt
