#pragma once
/// \file
/// Every call of the runtime is checked where it stands: DRA_CUDA_CHECK(cudaStreamSynchronize(stream));

#include "cuda/device/error.hpp"
#include "cuda/simt/runtime.hpp"

namespace dra::cuda::DRA_TARGET {

/// Throws CudaError unless the call succeeded; what the runtime remembers of the failure is taken back.
inline void check(cudaError_t result, const char* file, int line, const char* call) {
    if (result == cudaSuccess) return;
    cudaGetLastError();
    throw CudaError(file, line, call, cudaGetErrorName(result), cudaGetErrorString(result));
}

} // namespace dra::cuda::DRA_TARGET

/// Evaluates a call that returns cudaError_t. Throws CudaError with its file, its line, and the call as it is written.
#define DRA_CUDA_CHECK(...) ::dra::cuda::DRA_TARGET::check((__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)
