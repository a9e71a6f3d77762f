#pragma once
/// \file
/// Global and shared memory: plain loads and stores, which the emulator counts and checks.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

/// The block's dynamic shared memory, on the 1024-byte boundary that the 128-byte swizzle needs.
#define DRA_SHARED_MEMORY(name) extern __shared__ __align__(1024) unsigned char name[]

namespace dra::cuda::silicon {

using bf16 = __nv_bfloat16;
using fp16 = __half;

template <class T> __device__ __forceinline__ T load(const T* from) { return *from; }
template <class T> __device__ __forceinline__ void store(T* to, T value) { *to = value; }
template <class T> __device__ __forceinline__ T shared_load(const T* from) { return *from; }
template <class T> __device__ __forceinline__ void shared_store(T* to, T value) { *to = value; }

namespace ptx {

/// gridDim.x, read when it is needed instead of kept in a register.
__device__ __forceinline__ int blocks_of_grid() {
    int blocks;
    asm volatile("mov.u32 %0, %%nctaid.x;" : "=r"(blocks));
    return blocks;
}

/// x, but the compiler does not know that it is: what is computed from it is not kept in registers from turn to turn.
__device__ __forceinline__ int opaque(int x) {
    asm volatile("" : "+r"(x));
    return x;
}

/// The next launch of the stream, if it is an early one, may begin once every block has said so or ended.
__device__ __forceinline__ void allow_next_launch() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }

/// In a kernel that was launched early: waits until the launch before it has ended, and what it wrote is there.
__device__ __forceinline__ void await_earlier_launch() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

/// Stores where `there`, without a branch: in a loop of wgmma a branch would cost the compiler's uniform registers.
__device__ __forceinline__ void store_if(bool there, uint4* to, uint4 x) {
    asm volatile("{\n\t.reg .pred there;\n\tsetp.ne.b32 there, %0, 0;\n\t"
                 "@there st.global.v4.b32 [%1], {%2,%3,%4,%5};\n\t}" ::"r"(static_cast<int>(there)),
                 "l"(to), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w)
                 : "memory");
}
__device__ __forceinline__ void store_if(bool there, float4* to, float4 x) {
    asm volatile("{\n\t.reg .pred there;\n\tsetp.ne.b32 there, %0, 0;\n\t"
                 "@there st.global.v4.f32 [%1], {%2,%3,%4,%5};\n\t}" ::"r"(static_cast<int>(there)),
                 "l"(to), "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w)
                 : "memory");
}
__device__ __forceinline__ void store_if(bool there, float2* to, float2 x) {
    asm volatile("{\n\t.reg .pred there;\n\tsetp.ne.b32 there, %0, 0;\n\t"
                 "@there st.global.v2.f32 [%1], {%2,%3};\n\t}" ::"r"(static_cast<int>(there)),
                 "l"(to), "f"(x.x), "f"(x.y)
                 : "memory");
}
__device__ __forceinline__ void store_if(bool there, float* to, float x) {
    asm volatile("{\n\t.reg .pred there;\n\tsetp.ne.b32 there, %0, 0;\n\t"
                 "@there st.global.f32 [%1], %2;\n\t}" ::"r"(static_cast<int>(there)),
                 "l"(to), "f"(x)
                 : "memory");
}

/// Loads into x where `there`, and leaves x as it is elsewhere; without a branch, too.
__device__ __forceinline__ void load_if(bool there, const float4* from, float4& x) {
    asm volatile("{\n\t.reg .pred there;\n\tsetp.ne.b32 there, %4, 0;\n\t"
                 "@there ld.global.v4.f32 {%0,%1,%2,%3}, [%5];\n\t}"
                 : "+f"(x.x), "+f"(x.y), "+f"(x.z), "+f"(x.w)
                 : "r"(static_cast<int>(there)), "l"(from)
                 : "memory");
}
__device__ __forceinline__ void load_if(bool there, const float* from, float& x) {
    asm volatile("{\n\t.reg .pred there;\n\tsetp.ne.b32 there, %1, 0;\n\t"
                 "@there ld.global.f32 %0, [%2];\n\t}"
                 : "+f"(x)
                 : "r"(static_cast<int>(there)), "l"(from)
                 : "memory");
}

/// Puts `id` before what the list in shared memory begins with, unless its node {on the list, next} says that it is on
/// it. Without a branch, for the same reason.
__device__ __forceinline__ void push_if(bool wanted, int* node, int* list, int id) {
    asm volatile("{\n\t.reg .pred wanted;\n\t.reg .b32 before;\n\tsetp.ne.b32 wanted, %0, 0;\n\t"
                 "@wanted atom.global.exch.b32 before, [%1], 1;\n\t"
                 "@wanted setp.eq.b32 wanted, before, 0;\n\t"
                 "@wanted atom.shared.exch.b32 before, [%2], %3;\n\t"
                 "@wanted st.global.b32 [%1 + 4], before;\n\t}" ::"r"(static_cast<int>(wanted)),
                 "l"(node), "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(list))), "r"(id)
                 : "memory");
}

} // namespace ptx

/// Count on the emulator; do nothing here.
__device__ __forceinline__ void count_pairs(unsigned long long) {}
__device__ __forceinline__ void count_flops(unsigned long long) {}

namespace ptx {

/// An address as the instructions below want it: 32 bits, within shared memory.
__device__ __forceinline__ std::uint32_t shared_address(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

} // namespace ptx
} // namespace dra::cuda::silicon
