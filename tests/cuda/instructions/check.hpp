#pragma once
/// \file
/// One tiny kernel an instruction, its result against plain C++: the smallest thing that can be wrong on a new machine.
///
/// The same source runs on the emulator, where it is a test of the emulator, and on the GPU, where it is a test of the
/// wrappers and, once they agree, of what the emulator believes about silicon.

#include <string>
#include <vector>

namespace dra::cuda {

/// What one instruction gave.
struct InstructionCheck {
    std::string name;
    double largest_error; ///< over all elements, in the units of `bound`; infinite for a NaN in the wrong place
    double bound;         ///< 0 where the result must be exact

    bool passed() const { return largest_error <= bound; }
};
using InstructionChecks = std::vector<InstructionCheck>;

namespace silicon {
InstructionChecks check_warp_instructions(); ///< sm_80: conversions, cp.async, ldmatrix, mma, shuffles, votes, atomics
InstructionChecks check_barriers();          ///< sm_90: mbarrier, named barriers, setmaxnreg, stmatrix
InstructionChecks check_tensor_copies();     ///< sm_90: TMA loads and stores of every rank, swizzled and not
InstructionChecks check_warpgroup_instructions(); ///< sm_90a: wgmma of every width
} // namespace silicon

namespace emulated {
InstructionChecks check_warp_instructions();
InstructionChecks check_barriers();
InstructionChecks check_tensor_copies();
InstructionChecks check_warpgroup_instructions();
} // namespace emulated

} // namespace dra::cuda
