#pragma once
/// \file
/// Atomics on global or shared memory. They are atomic between OS threads too, because blocks run on several; like
/// CUDA's they are relaxed: they order nothing else.

#include "cuda/simt/emulator/memory.hpp"
#include "cuda/simt/emulator/thread.hpp"

#include <atomic>

namespace dra::simt {

namespace machine {
/// Replaces *at by change(*at) and returns what was there.
template <class T, class Change> T atomic_update(T* at, Site site, Change&& change) {
    touch_atomic(at, sizeof(T), site);
    std::atomic_ref<T> value(*at);
    T old = value.load(std::memory_order_relaxed);
    while (!value.compare_exchange_weak(old, change(old), std::memory_order_relaxed)) {
    }
    return old;
}
} // namespace machine

#define DRA_SIMT_ATOMIC_ADD(T)                                                       \
    inline T atomicAdd(T* at, T value, Site site = Site::here()) {                   \
        return machine::atomic_update(at, site, [&](T old) { return old + value; }); \
    }
DRA_SIMT_ATOMIC_ADD(float)
DRA_SIMT_ATOMIC_ADD(int)
DRA_SIMT_ATOMIC_ADD(unsigned)
DRA_SIMT_ATOMIC_ADD(unsigned long long)
#undef DRA_SIMT_ATOMIC_ADD

inline int atomicExch(int* at, int value, Site site = Site::here()) {
    return machine::atomic_update(at, site, [&](int) { return value; });
}

namespace ptx {
inline int blocks_of_grid() { return static_cast<int>(gridDim.x); }
inline void push_if(bool wanted, int* node, int* list, int id, Site site = Site::here()) {
    if (wanted && atomicExch(node, 1, site) == 0) store(node + 1, atomicExch(list, id, site), site);
}
} // namespace ptx

#define DRA_SIMT_ATOMIC_MAX_CAS(T)                                                                     \
    inline T atomicMax(T* at, T value, Site site = Site::here()) {                                     \
        return machine::atomic_update(at, site, [&](T old) { return old < value ? value : old; });     \
    }                                                                                                  \
    inline T atomicCAS(T* at, T expected, T value, Site site = Site::here()) {                         \
        return machine::atomic_update(at, site, [&](T old) { return old == expected ? value : old; }); \
    }
DRA_SIMT_ATOMIC_MAX_CAS(int)
DRA_SIMT_ATOMIC_MAX_CAS(unsigned)
#undef DRA_SIMT_ATOMIC_MAX_CAS

} // namespace dra::simt
