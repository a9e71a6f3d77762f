#pragma once
/// \file
/// Global and shared memory as kernels touch it: checked against the allocations, and counted per warp.
///
/// The access itself is a plain one in the kernel's own translation unit, so that the sanitizers see it there. A plain
/// `*p` in a kernel works too, but is neither checked nor counted.

#include "cuda/simt/emulator/number_formats.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <cstddef>
#include <cstdint>

namespace dra::simt {

namespace machine {
/// The direction of an access.
enum class Access { load, store };

void touch_global(Access access, const void* address, std::size_t bytes, Site site);
void touch_shared(Access access, const void* address, std::size_t bytes, Site site);
void touch_atomic(const void* address, std::size_t bytes, Site site);
} // namespace machine

template <class T> T load(const T* from, Site site = Site::here()) {
    machine::touch_global(machine::Access::load, from, sizeof(T), site);
    return *from;
}
template <class T> void store(T* to, T value, Site site = Site::here()) {
    machine::touch_global(machine::Access::store, to, sizeof(T), site);
    *to = value;
}
template <class T> T shared_load(const T* from, Site site = Site::here()) {
    machine::touch_shared(machine::Access::load, from, sizeof(T), site);
    return *from;
}
template <class T> void shared_store(T* to, T value, Site site = Site::here()) {
    machine::touch_shared(machine::Access::store, to, sizeof(T), site);
    *to = value;
}
template <class T> T __ldg(const T* from, Site site = Site::here()) { return load(from, site); }

namespace ptx {
inline int opaque(int x) { return x; }

template <class T> void store_if(bool there, T* to, T value, Site site = Site::here()) {
    if (there) store(to, value, site);
}
template <class T> void load_if(bool there, const T* from, T& value, Site site = Site::here()) {
    if (there) value = load(from, site);
}

// One launch of a stream ends before the next one begins here, so that these have nothing to do.
inline void allow_next_launch() {}
inline void await_earlier_launch() {}
} // namespace ptx

/// Count what only the kernel knows: the pairs (query, key) that it let through, and the operations of its scalar
/// loops.
void count_pairs(unsigned long long pairs);
void count_flops(unsigned long long flops);

} // namespace dra::simt
