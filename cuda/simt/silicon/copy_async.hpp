#pragma once
/// \file
/// cp.async (sm_80): copies from global to shared memory that need no registers and do not make the thread wait.

#include "cuda/simt/silicon/memory.hpp"

namespace dra::cuda::silicon::ptx {

/// Starts a copy of 16 bytes, of which the first `bytes` (0..16) are read and the others become zero: a ragged tail
/// costs no branch, and with 0 the global address is not touched at all.
__device__ __forceinline__ void copy_async_16(void* shared, const void* global, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(bytes)
                 : "memory");
}

/// Closes this thread's group of copies; an empty group is complete at once.
__device__ __forceinline__ void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until at most N of this thread's groups are under way. Other threads' copies need a barrier besides.
template <int N> __device__ __forceinline__ void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

} // namespace dra::cuda::silicon::ptx
