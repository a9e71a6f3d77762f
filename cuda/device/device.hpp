#pragma once
/// \file
/// A device that attention runs on, a GPU or the emulator, as the rest of the program sees it: no CUDA header, no
/// target's namespace.
///
/// An executor is made once for a problem and a type: buffers, kernels, tensor maps and the list of launches. Its runs
/// then allocate nothing and do no work on the host but launching. range.hpp says of which inputs their results are
/// finite, and which rows an element that is not finite reaches.

#include "cuda/device/error.hpp"
#include "cuda/device/type.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dra::cuda {

/// What a figure was measured on.
struct DeviceFacts {
    std::string name;        ///< the name that the driver knows
    int architecture = 0;    ///< 10 times the compute capability: 80, 90
    int multiprocessors = 0; ///< the number of multiprocessors
    int driver = 0;          ///< newest CUDA version of the driver, 1000 per major version: 13000
    int runtime = 0;         ///< CUDA version of the runtime
    bool emulated = false;   ///< the device is the emulator
};

/// The time that a run took.
struct RunTime {
    double device_seconds; ///< seconds between two events around its launches
    double host_seconds;   ///< seconds until all of them were queued
};

/// The tokens of the sequence that tensors hold in a step of a ring, at least one each. They need not be the same, nor
/// begin or end where a segment does.
struct HeldTokens {
    Interval queries; ///< the n tokens of q, out and lse
    Interval keys;    ///< the m tokens of k and v
};

/// Tensors on a device, dense, in the type of an executor. They belong to the caller, who keeps them while the executor
/// lives.
struct DeviceTensors {
    const void* q;                    ///< [B, n, H, D]
    const void* k;                    ///< [B, m, Hkv, D]
    const void* v;                    ///< [B, m, Hkv, D]
    void* out;                        ///< [B, n, H, D], and of a step in float
    float* lse;                       ///< [B, H, n]
    std::optional<HeldTokens> held{}; ///< a step's tokens; without them n and m are N
};

/// Attention of one problem in one type, on one device, made ready to run many times.
class AttentionExecutor {
public:
    virtual ~AttentionExecutor() = default;

    /// Copies q [B, N, H, D] and k, v [B, N, Hkv, D] to the device, rounded to nearest in the type. Throws KernelError
    /// where the executor runs on tensors of the caller.
    virtual void upload(TensorView<const float> q, TensorView<const float> k, TensorView<const float> v) = 0;

    /// Queues every launch and returns.
    virtual void run() = 0;

    /// Waits for what was queued. Throws CudaError where it failed.
    virtual void wait() = 0;

    /// Queues `repetitions` runs, back to back, and waits for them: the mean time per run.
    virtual RunTime timed_run(int repetitions) = 0;

    /// Copies the result of the last run to the host, and waits for it: out [B, N, H, D], widened from the type, and
    /// lse [B, H, N].
    virtual void download(TensorView<float> out, float* lse) = 0;

    virtual const std::vector<std::string>& kernels() const = 0; ///< names, one per pattern that selects any row
    virtual Index launches() const = 0;                          ///< kernel launches per run
    virtual Index device_bytes() const = 0;                      ///< bytes that its buffers take
};

/// A GPU, or a CPU in its place.
class Device {
public:
    virtual ~Device() = default;
    virtual const DeviceFacts& facts() const = 0;

    /// An executor that uses the kernel of this name, or for every pattern the fastest that can do it. Throws
    /// KernelError where the kernel cannot, or none computes in the type; CudaError where memory is exhausted.
    virtual std::unique_ptr<AttentionExecutor>
    make_executor(const Problem& problem, DType type, const std::optional<std::string>& kernel = std::nullopt) = 0;

    /// An executor on the caller's tensors: its runs read and write where these lie, and nothing is copied. Whoever
    /// writes q, k and v has finished when run() is called; out and lse are there when wait() returns. Throws what
    /// make_executor() throws, and KernelError where a kernel cannot have its tensors there.
    ///
    /// Of a step of a ring, where the tensors hold a part of the problem's tokens, the result is a partial, to be
    /// merged with those of the other keys: (0, -inf) in rows that see none of these. Throws ShapeError where the
    /// sequence has not these tokens.
    virtual std::unique_ptr<AttentionExecutor>
    make_executor_on(const DeviceTensors& tensors, const Problem& problem, DType type,
                     const std::optional<std::string>& kernel = std::nullopt) = 0;

    /// The names of the ladder's kernels, in reading order.
    virtual std::vector<std::string> kernel_names() const = 0;

    /// What the emulator counted since it started, by name; a GPU counts nothing.
    virtual std::vector<std::pair<std::string, std::uint64_t>> counters() const = 0;
};

/// The GPU that CUDA puts first. Throws DeviceError, which says why, where there is none. Only in programs that link
/// dra::cuda.
std::unique_ptr<Device> silicon_device();

/// The emulator. Only in programs that link dra::cuda_emulated.
std::unique_ptr<Device> emulated_device();

} // namespace dra::cuda
