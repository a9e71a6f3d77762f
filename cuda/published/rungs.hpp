#pragma once
/// \file
/// The rungs of the five fixes on a device, as the comparison sees them: no CUDA header, no target's namespace.
///
/// A runnable is the published pipeline with a rung chosen for every fix, or one fix alone. It keeps what its fixes
/// keep, and says what a call did, by counting, and how long that took, by the device's clock and by the host's.

#include "cuda/device/device.hpp"
#include "reference/published/rung.hpp"

#include <cstdint>

namespace dra::cuda {

/// What one call asked of the device; beside published::Counts, which say what it asked for.
struct DeviceCounts {
    std::int64_t launches = 0;        ///< launches of kernels
    std::int64_t allocations = 0;     ///< calls of cudaMalloc, which a plan does not need
    std::int64_t allocated_bytes = 0; ///< bytes that they asked for
    std::int64_t uploaded_bytes = 0;  ///< bytes copied from the host
    std::int64_t sectors = 0;         ///< sectors that warps moved; counted by the emulator alone
    std::int64_t tensor_flops = 0;    ///< FLOPs of tensor cores, padding included; counted by the emulator alone

    bool operator==(const DeviceCounts&) const = default;
};

/// A pipeline, or a fix alone, on a device.
class Runnable {
public:
    virtual ~Runnable() = default;

    /// Makes one call, waits for it, and counts what it did.
    virtual void run() = 0;

    /// Makes one call that is timed, and does nothing for the sake of counting.
    virtual RunTime timed_run() = 0;

    /// Makes the next call a first one: what was kept between calls is gone.
    virtual void forget() = 0;

    virtual const published::Counts& counts() const = 0;   ///< what the last run() did
    virtual const DeviceCounts& device_counts() const = 0; ///< what the last run() asked of the device

    /// Poisons out and lse, runs, and gives them, out as it is rounded to the type. Only for runnables that attend.
    virtual Attention<float> result() = 0;

    /// Runs, and compares what it made, element by element, with the definition. Only for runnables that do not attend.
    virtual bool exact() = 0;
};

/// q, k and v on a device, in a type.
class DeviceInputs {
public:
    virtual ~DeviceInputs() = default;
};

/// How a pipeline runs.
struct PipelineOptions {
    bool ring = true; ///< k and v are gathered chunk by chunk; else they are one chunk, where they are
    published::LostSum lost_sum = published::LostSum::restored; ///< what becomes of the sum that fix 3 lost
};

/// A device on which rungs run. Inputs must outlive the runnables that use them.
class RungDevice {
public:
    virtual ~RungDevice() = default;
    virtual const DeviceFacts& facts() const = 0;

    /// Copies q, k and v to the device, in bf16 or fp16, which tensor cores multiply. Throws KernelError unless D is a
    /// multiple of 8, at most 128.
    virtual std::unique_ptr<DeviceInputs> upload(DType type, TensorView<const float> q, TensorView<const float> k,
                                                 TensorView<const float> v) = 0;

    /// The pipeline. Throws KernelError where B*H, or the segments of a pattern, are more than 65535.
    virtual std::unique_ptr<Runnable> pipeline(const Problem& problem, published::Rungs rungs, PipelineOptions options,
                                               const DeviceInputs& inputs) = 0;

    virtual std::unique_ptr<Runnable> causal_masks(const Problem& problem, published::Rung rung) = 0;   ///< fix 1 alone
    virtual std::unique_ptr<Runnable> cache_requests(const Problem& problem, published::Rung rung) = 0; ///< fix 5 alone
};

/// The longest sequence whose causal mask is filled by one launch per element: fix 1, before.
inline constexpr Index most_tokens_filled_by_launches = 512;

/// The GPU that CUDA puts first; throws DeviceError where there is none. Only in programs that link
/// dra::cuda_published.
std::unique_ptr<RungDevice> silicon_rungs();

/// The emulator. Only in programs that link dra::cuda_published_emulated.
std::unique_ptr<RungDevice> emulated_rungs();

} // namespace dra::cuda
