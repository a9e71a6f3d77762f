#pragma once
/// \file
/// Memory asked for between two points of a program, counted at malloc and its relatives.
///
/// malloc, calloc, realloc, aligned_alloc, posix_memalign, memalign and free are interposed by allocations.cpp, in
/// programs that link it and in no other: Eigen does not call operator new, so that counting there would miss every
/// matrix. Outside a count each call costs one relaxed load more. Sanitizers interpose the same functions, so their
/// builds count nothing.

#include <cstdint>

namespace dra::benchmarks {

/// What was asked for while a count ran, by all threads.
struct Allocations {
    std::int64_t number = 0;     ///< calls that returned memory
    std::int64_t bytes = 0;      ///< the sum of the sizes that were asked for
    std::int64_t peak_bytes = 0; ///< the most bytes alive at once beyond those alive at the start, rounded up by malloc
};

/// Whether this build counts at all.
bool allocations_counted();

/// A count from construction to stop(). One at a time: a second one takes over.
class AllocationCount {
public:
    AllocationCount();
    ~AllocationCount() { stop(); }
    AllocationCount(const AllocationCount&) = delete;
    AllocationCount& operator=(const AllocationCount&) = delete;

    /// The figures from construction to the first call of stop(). Memory freed that was allocated earlier lowers what
    /// is alive.
    Allocations stop();

private:
    bool running_ = true;
    Allocations counted_;
};

} // namespace dra::benchmarks
