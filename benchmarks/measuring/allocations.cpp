#include "benchmarks/measuring/allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>

#include <pthread.h>

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DRA_SANITIZED
#endif
#endif
#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ && !defined DRA_SANITIZED
#define DRA_INTERPOSE
#include <malloc.h>
#endif

namespace dra::benchmarks {
namespace {

[[maybe_unused]] constexpr auto relaxed = std::memory_order_relaxed;

// Constant-initialised: malloc is called before any constructor runs.
constinit std::atomic<bool> counting{false};
constinit std::atomic<std::int64_t> number{0}, bytes{0}, alive{0}, peak{0};

#ifdef DRA_INTERPOSE
void* note_allocation(void* block, std::size_t size) {
    if (!counting.load(relaxed) || block == nullptr) return block;
    const auto usable = static_cast<std::int64_t>(malloc_usable_size(block));
    const std::int64_t now = alive.fetch_add(usable, relaxed) + usable;
    number.fetch_add(1, relaxed);
    bytes.fetch_add(static_cast<std::int64_t>(size), relaxed);
    for (std::int64_t seen = peak.load(relaxed); seen < now && !peak.compare_exchange_weak(seen, now, relaxed);) {
    }
    return block;
}

std::size_t size_if_counting(void* block) { return counting.load(relaxed) && block ? malloc_usable_size(block) : 0; }

void note_release(std::size_t usable) {
    if (usable > 0) alive.fetch_sub(static_cast<std::int64_t>(usable), relaxed);
}
#endif

/// The first thread of a process that ends by pthread_exit makes glibc load the unwinder, and allocate for it.
/// libgomp's threads end so, some time after the thread that they worked for; so one of our own does it before the
/// first count.
void end_a_thread() {
    pthread_t thread;
    if (pthread_create(
            &thread, nullptr, [](void*) -> void* { pthread_exit(nullptr); }, nullptr) == 0)
        pthread_join(thread, nullptr);
}

} // namespace

bool allocations_counted() {
#ifdef DRA_INTERPOSE
    return true;
#else
    return false;
#endif
}

AllocationCount::AllocationCount() {
    static std::once_flag ended;
    std::call_once(ended, end_a_thread);
    for (auto* figure : {&number, &bytes, &alive, &peak}) figure->store(0);
    counting = true;
}

Allocations AllocationCount::stop() {
    if (!running_) return counted_;
    running_ = counting = false;
    return counted_ = {number, bytes, peak};
}

} // namespace dra::benchmarks

#ifdef DRA_INTERPOSE
using dra::benchmarks::note_allocation;
using dra::benchmarks::note_release;
using dra::benchmarks::size_if_counting;

// The names under which glibc keeps its own functions reachable for exactly this.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) noexcept { return note_allocation(__libc_malloc(size), size); }

void* calloc(std::size_t count, std::size_t size) noexcept {
    return note_allocation(__libc_calloc(count, size), count * size);
}

void* realloc(void* block, std::size_t size) noexcept {
    const std::size_t before = size_if_counting(block);
    void* moved = __libc_realloc(block, size);
    if (moved || size == 0) note_release(before);
    return note_allocation(moved, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
    return note_allocation(__libc_memalign(alignment, size), size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept { return memalign(alignment, size); }

int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
    const bool power_of_two = alignment != 0 && (alignment & (alignment - 1)) == 0;
    if (!power_of_two || alignment % sizeof(void*) != 0) return EINVAL;
    void* found = memalign(alignment, size);
    if (!found) return ENOMEM;
    *block = found;
    return 0;
}

void free(void* block) noexcept {
    note_release(size_if_counting(block));
    __libc_free(block);
}
}
#endif
