#include "tests/cuda/instructions/check.hpp"

#include <doctest/doctest.h>

namespace dra::cuda {

TEST_CASE("what the GPU is asked, instruction by instruction, the emulator answers as plain C++ does") {
    for (const auto checks : {emulated::check_warp_instructions, emulated::check_barriers,
                              emulated::check_tensor_copies, emulated::check_warpgroup_instructions}) {
        const InstructionChecks found = checks();
        CHECK(found.size() >= 4);
        for (const InstructionCheck& check : found) {
            CAPTURE(check.name);
            CHECK(check.largest_error <= check.bound);
        }
    }
}

} // namespace dra::cuda
