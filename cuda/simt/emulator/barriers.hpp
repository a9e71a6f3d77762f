#pragma once
/// \file
/// The 16 barriers of a block: number 0 is __syncthreads, the others are the named ones.

#include "cuda/simt/emulator/schedule.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <array>

namespace dra::simt::machine {

struct Barrier {
    unsigned threads = 0, arrived = 0; ///< expected, and here already
    Site first;                        ///< where the first of them stands
    ThreadSet waiting;
    char edges[2] = {};
    unsigned turn = 0;
};

using Barriers = std::array<Barrier, 16>;

} // namespace dra::simt::machine
