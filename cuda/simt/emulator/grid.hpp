#pragma once
/// \file
/// A launch: what blocks need to know of it, and the OS threads that run them.

#include "cuda/simt/emulator/config.hpp"
#include "cuda/simt/emulator/vector_types.hpp"

#include <cstddef>
#include <functional>
#include <span>

namespace dra::simt::machine {

/// Memory that kernels may touch.
struct MemoryRange {
    const unsigned char* begin;
    std::size_t bytes;
    bool usable; ///< false: its cudaMallocAsync has not had its turn yet
};

/// A launch.
struct Grid {
    dim3 size, block;
    std::size_t shared_bytes;
    std::function<void()> thread; ///< what every CUDA thread calls
};

/// Runs all blocks, in order but on several OS threads at once, and adds to counters(). `memory` is sorted by address.
///
/// Blocks share nothing but global memory; a block that waits for another may wait for ever. Of several blocks with a
/// fault the first one's is thrown, so that the answer does not depend on the OS threads.
void run_grid(const Grid& grid, std::span<const MemoryRange> memory);

} // namespace dra::simt::machine
