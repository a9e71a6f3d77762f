#pragma once
/// \file
/// A warpgroup: four warps that issue wgmma together, and the products that their tensor core has not delivered yet.

#include "cuda/simt/emulator/number_formats.hpp"
#include "cuda/simt/emulator/ptx_hopper.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace dra::simt::machine {

constexpr unsigned warpgroup_size = 128, warpgroup_rows = 64, product_depth = 16;

/// The registers of one matrix D while products into it are under way. The threads' own copies hold NaN meanwhile.
struct Accumulator {
    std::array<float*, warpgroup_size> registers;
    int columns;
    int products;         ///< the number of products under way
    Site site;            ///< where the first of them was issued
    std::vector<float> d; ///< (64, columns)
};

/// A product that was issued; B, and A unless it came in registers, are read when it is waited for.
struct PendingProduct {
    WarpgroupProduct product;
    std::array<std::array<std::uint32_t, 4>, warpgroup_size> a; ///< A's registers, if it came in them
    Site site;
};

/// A warpgroup.
struct Warpgroup {
    const char* instruction = nullptr;                     ///< the instruction of the meeting
    Site site;                                             ///< where it stands
    unsigned arrived = 0;                                  ///< the number of threads that have come to it
    std::array<WarpgroupProduct, warpgroup_size> products; ///< what the threads brought to the meeting

    bool fenced = false; ///< wgmma_fence() was called since the registers were last waited for
    std::vector<Accumulator> accumulators;
    std::vector<PendingProduct> pending; ///< products that were issued, the oldest first
    std::vector<std::size_t> group_ends; ///< where in `pending` the committed groups end

    void restart() {
        instruction = nullptr;
        arrived = 0;
        fenced = false;
        accumulators.clear();
        pending.clear();
        group_ends.clear();
    }
};

} // namespace dra::simt::machine
