#pragma once
/// \file
/// What the emulator throws when a kernel does something that the CUDA programming model does not allow.

#include "cuda/simt/emulator/site.hpp"
#include "cuda/simt/emulator/vector_types.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

namespace dra::simt {

/// What a kernel did wrong. README.md has an example of each with its message.
enum class FaultKind {
    warp_divergence,    ///< lanes of a warp, or warps of a warpgroup, at different instructions
    barrier_divergence, ///< threads at different barriers of the block, or one that has exited
    deadlock,           ///< every thread waits
    out_of_bounds,      ///< outside the block's shared memory, or outside every allocation
    misaligned,         ///< an address that the instruction cannot take
    too_many_arrivals,  ///< more than an mbarrier was initialised for
    barrier_misuse,     ///< an mbarrier that was never initialised, or a wrong count of threads
    missing_fence,      ///< wgmma without wgmma_fence, or generic writes read by TMA or wgmma without fence_proxy_async
    unfinished_copy,    ///< a thread exits with copies or wgmma that it never committed or waited for
    accumulator_in_flight, ///< two groups of wgmma under way write overlapping registers in different shapes
    bad_descriptor,        ///< a matrix descriptor that wgmma does not understand
    bad_registers,         ///< setmaxnreg that decreases to more than there are
    canary,                ///< bytes around an allocation were written
    use_before_wait,       ///< memory touched by a stream that did not wait for its allocation
};

const char* name(FaultKind kind);

/// A fault of a kernel. `what()` says all of it: kind, words, both source lines, block, thread, seed.
class Fault : public std::runtime_error {
public:
    /// Everything that a fault names.
    struct Report {
        FaultKind kind;
        std::string words;
        Site first;    ///< where the faulting thread stands
        Site second{}; ///< the other line involved, if there is one
        uint3 block{};
        uint3 thread{};
        std::uint64_t seed = 0; ///< config().seed of the run, which replays it
    };

    explicit Fault(Report report);

    FaultKind kind() const { return report_.kind; }
    const Report& report() const { return report_; }

private:
    Report report_;
};

} // namespace dra::simt
