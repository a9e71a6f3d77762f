#pragma once
/// \file
/// The 16 barriers of a block: number 0 is __syncthreads, the others are the named ones.

#include "cuda/simt/emulator/schedule.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <array>

namespace dra::simt::machine {

/// One barrier, and who stands at it.
struct Barrier {
    unsigned threads = 0, arrived = 0; ///< the number of threads that are expected, and of those that are here
    Site first;                        ///< where the first of them stands
    ThreadSet waiting;                 ///< threads that are suspended at it
    char edges[2] = {};                ///< what ThreadSanitizer is told of, in turns
    unsigned turn = 0;                 ///< the turn under way
};

using Barriers = std::array<Barrier, 16>;

} // namespace dra::simt::machine
