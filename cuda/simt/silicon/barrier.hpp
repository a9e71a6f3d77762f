#pragma once
/// \file
/// mbarrier and named barriers (sm_90): waiting for some threads, or for bytes, instead of for the whole block.
///
/// An mbarrier is 8 bytes in shared memory. Its phase ends when the expected arrivals and bytes have all come; a waiter
/// names the parity of the phase that it waits for, so a fresh barrier's parity 1 counts as already past.

#include "cuda/simt/silicon/memory.hpp"

namespace dra::cuda::silicon::ptx {

__device__ __forceinline__ void barrier_init(std::uint64_t* barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}

/// Makes the initial state visible to TMA; other threads need a __syncthreads() besides.
__device__ __forceinline__ void barrier_fence_init() {
    asm volatile("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async.shared::cta;" ::: "memory");
}

__device__ __forceinline__ void barrier_arrive(std::uint64_t* barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}

/// Arrives, and adds `bytes` to what the phase waits for: all of them, also those that TMA fills with zeros.
__device__ __forceinline__ void barrier_arrive_expect(std::uint64_t* barrier, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes)
                 : "memory");
}

/// Waits until the phase of this parity is past. The braces keep the label local, however often this is inlined.
__device__ __forceinline__ void barrier_wait(std::uint64_t* barrier, unsigned parity) {
    asm volatile("{\n\t"
                 ".reg .pred done;\n\t"
                 "again:\n\t"
                 "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t"
                 "@!done bra again;\n\t"
                 "}" ::"r"(shared_address(barrier)),
                 "r"(parity)
                 : "memory");
}

/// Whether the phase of this parity is past, without waiting: 1 or 0.
__device__ __forceinline__ int barrier_test(std::uint64_t* barrier, unsigned parity) {
    int past;
    asm volatile("{\n\t"
                 ".reg .pred done;\n\t"
                 "mbarrier.test_wait.parity.shared::cta.b64 done, [%1], %2;\n\t"
                 "selp.b32 %0, 1, 0, done;\n\t"
                 "}"
                 : "=r"(past)
                 : "r"(shared_address(barrier)), "r"(parity)
                 : "memory");
    return past;
}

/// Waits, unless barrier_test() has said that the phase is past.
__device__ __forceinline__ void barrier_wait_unless(int past, std::uint64_t* barrier, unsigned parity) {
    asm volatile("{\n\t"
                 ".reg .pred done;\n\t"
                 "setp.ne.b32 done, %2, 0;\n\t"
                 "@done bra through;\n\t"
                 "again:\n\t"
                 "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t"
                 "@!done bra again;\n\t"
                 "through:\n\t"
                 "}" ::"r"(shared_address(barrier)),
                 "r"(parity), "r"(past)
                 : "memory");
}

/// Generic writes to shared memory (a thread's own) become visible to TMA and wgmma, which read through another proxy.
__device__ __forceinline__ void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Arrives at barrier `id` (1..15) of `threads` threads, a multiple of 32, and waits for them.
__device__ __forceinline__ void named_barrier_sync(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
/// Arrives at it without waiting.
__device__ __forceinline__ void named_barrier_arrive(int id, int threads) {
    asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

} // namespace dra::cuda::silicon::ptx
