#pragma once
/// \file
/// A warp: instructions that are being put together lane by lane, and the registers that lanes exchange through them.

#include "cuda/simt/emulator/access_log.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <array>
#include <cstdint>

namespace dra::simt::machine {

/// An instruction of some lanes of a warp, waiting for the last of them.
struct Meeting {
    const char* instruction;
    Site site;
    std::uint32_t mask, arrived;
};

/// What lanes bring to an instruction and take away from it, one row per register. A lane's column is its own until it
/// comes to its next instruction, so a result can lie here until the lane runs again.
struct Exchange {
    std::array<std::uint64_t, 32> value; // for shuffles and votes
    std::array<unsigned, 32> source;
    std::array<unsigned char*, 32> row; // for ldmatrix and stmatrix
    alignas(64) std::uint32_t r[4][32];
    alignas(64) std::uint32_t a[4][32], b[2][32]; // for mma
    alignas(64) float d[4][32];
};

/// A warp.
struct Warp {
    std::array<Meeting, 32> meetings; ///< meetings of disjoint masks, so at most one per lane
    unsigned open_meetings = 0;       ///< the number of meetings under way
    std::uint32_t exited = 0;         ///< lanes that have exited
    Exchange exchange;
    AccessLog log;
    unsigned registers = 0; ///< registers per thread, by setmaxnreg
    char edges[2] = {};     ///< edges of __syncwarp, in turns: a lane that is ahead may be at the next one already
    unsigned turn = 0;      ///< the turn under way

    void restart(unsigned registers_per_thread) {
        open_meetings = 0;
        exited = 0;
        registers = registers_per_thread;
    }
};

} // namespace dra::simt::machine
