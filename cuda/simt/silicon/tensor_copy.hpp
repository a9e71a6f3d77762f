#pragma once
/// \file
/// TMA (sm_90): one thread copies a box of a tensor between global and shared memory; bytes are counted on an mbarrier.

#include "cuda/simt/silicon/memory.hpp"
#include "cuda/simt/silicon/tensor_map.hpp"

namespace dra::cuda::silicon::ptx {

/// Loads the box at `coordinates` (innermost first). What lies outside the tensor becomes zero, and its bytes count
/// too.
template <int R> __device__ __forceinline__ void tensor_load(void* shared, const TensorMap* map, std::uint64_t* barrier,
                                                             const int (&at)[R]) {
    static_assert(R >= 2 && R <= 5);
#define DRA_TENSOR_LOAD(rank, coordinates, ...)                                                                  \
    asm volatile("cp.async.bulk.tensor." rank ".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], " \
                 "[%1, {" coordinates "}], [%2];" ::"r"(shared_address(shared)),                                 \
                 "l"(map), "r"(shared_address(barrier)), __VA_ARGS__                                             \
                 : "memory")
    if constexpr (R == 2) DRA_TENSOR_LOAD("2d", "%3,%4", "r"(at[0]), "r"(at[1]));
    if constexpr (R == 3) DRA_TENSOR_LOAD("3d", "%3,%4,%5", "r"(at[0]), "r"(at[1]), "r"(at[2]));
    if constexpr (R == 4) DRA_TENSOR_LOAD("4d", "%3,%4,%5,%6", "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]));
    if constexpr (R == 5)
        DRA_TENSOR_LOAD("5d", "%3,%4,%5,%6,%7", "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(at[4]));
#undef DRA_TENSOR_LOAD
}

/// Stores the box; what lies beyond the tensor is not written. Needs fence_proxy_async() after the writes to shared. A
/// coordinate below 0 is an illegal instruction (seen on an H100), though a load takes it.
template <int R>
__device__ __forceinline__ void tensor_store(const TensorMap* map, const void* shared, const int (&at)[R]) {
    static_assert(R >= 2 && R <= 5);
#define DRA_TENSOR_STORE(rank, coordinates, ...)                                                       \
    asm volatile("cp.async.bulk.tensor." rank ".global.shared::cta.tile.bulk_group [%0, {" coordinates \
                 "}], [%1];" ::"l"(map),                                                               \
                 "r"(shared_address(shared)), __VA_ARGS__                                              \
                 : "memory")
    if constexpr (R == 2) DRA_TENSOR_STORE("2d", "%2,%3", "r"(at[0]), "r"(at[1]));
    if constexpr (R == 3) DRA_TENSOR_STORE("3d", "%2,%3,%4", "r"(at[0]), "r"(at[1]), "r"(at[2]));
    if constexpr (R == 4) DRA_TENSOR_STORE("4d", "%2,%3,%4,%5", "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]));
    if constexpr (R == 5)
        DRA_TENSOR_STORE("5d", "%2,%3,%4,%5,%6", "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(at[4]));
#undef DRA_TENSOR_STORE
}

/// Closes this thread's group of stores.
__device__ __forceinline__ void bulk_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

/// Until at most N groups have not yet read their shared memory, which may then be written again.
template <int N> __device__ __forceinline__ void bulk_wait() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N) : "memory");
}

/// Until at most N groups have not yet written global memory.
template <int N> __device__ __forceinline__ void bulk_wait_complete() {
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(N) : "memory");
}

} // namespace dra::cuda::silicon::ptx
