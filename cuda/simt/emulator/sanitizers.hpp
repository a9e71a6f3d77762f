#pragma once
/// \file
/// What ThreadSanitizer and AddressSanitizer must be told about fibers, and about memory that kernels own.
///
/// ThreadSanitizer sees one thread for every CUDA thread, and only those happens-before edges that the CUDA model has:
/// they are announced here, by release and acquire. The emulator's own loads and stores must stay invisible, which
/// takes two things: its files are compiled without -fsanitize=thread, and a Quiet stands in every instruction, because
/// memcpy and malloc are watched wherever they are called from.

#include <cstddef>

#if defined(DRA_SIMT_TSAN)
#include <sanitizer/tsan_interface.h>
extern "C" {
void __tsan_read_range(void* address, unsigned long bytes);
void __tsan_write_range(void* address, unsigned long bytes);
void __tsan_func_entry(void* caller);
void __tsan_func_exit();
void __tsan_ignore_thread_begin();
void __tsan_ignore_thread_end();
}
#elif defined(DRA_SIMT_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace dra::simt::machine::sanitizers {

#if defined(DRA_SIMT_TSAN)
constexpr std::size_t stack_factor = 4;

/// A silence: while one lives, the calling fiber's memory accesses are not watched. Fibers have one such state each.
struct Quiet {
    Quiet() { __tsan_ignore_thread_begin(); }
    ~Quiet() { __tsan_ignore_thread_end(); }
    Quiet(const Quiet&) = delete;
};
inline void release(char& edge) { __tsan_release(&edge); }
inline void acquire(char& edge) { __tsan_acquire(&edge); }

/// Reports a kernel's access that an instruction makes for it; `caller` is the instruction's return address, in the
/// kernel.
inline void read(const void* address, std::size_t bytes, void* caller) {
    __tsan_func_entry(caller);
    __tsan_read_range(const_cast<void*>(address), bytes);
    __tsan_func_exit();
}
inline void write(void* address, std::size_t bytes, void* caller) {
    __tsan_func_entry(caller);
    __tsan_write_range(address, bytes);
    __tsan_func_exit();
}
inline void poison(void*, std::size_t) {}
inline void unpoison(void*, std::size_t) {}
constexpr bool watches_races = true;

#else
#if defined(DRA_SIMT_ASAN)
constexpr std::size_t stack_factor = 4;
inline void poison(void* address, std::size_t bytes) { __asan_poison_memory_region(address, bytes); }
inline void unpoison(void* address, std::size_t bytes) { __asan_unpoison_memory_region(address, bytes); }
#else
constexpr std::size_t stack_factor = 1;
inline void poison(void*, std::size_t) {}
inline void unpoison(void*, std::size_t) {}
#endif
/// Without ThreadSanitizer there is nothing to silence.
struct Quiet {
    Quiet() {} // not trivial, so that nobody warns of an unused variable
};
inline void release(char&) {}
inline void acquire(char&) {}
inline void read(const void*, std::size_t, void*) {}
inline void write(void*, std::size_t, void*) {}
constexpr bool watches_races = false;
#endif

} // namespace dra::simt::machine::sanitizers
