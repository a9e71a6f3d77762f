#pragma once
/// \file
/// `dra run` on a device: a GPU, or the emulator.

#include "cli/devices.hpp"
#include "reference/definition/safetensors.hpp"

namespace dra::cli {

/// The flags that only devices take.
struct DeviceFlags {
    std::optional<std::string> dtype;  ///< the type; by default the file's own where kernels have it, else fp32
    std::optional<std::string> kernel; ///< the kernel's name; by default for every pattern the fastest that can do it
};

/// Attention of files on the device of a backend, which is opened first, so that it is known to be there before a file
/// is read.
class DeviceRun {
public:
    /// Throws PatternError where the type is unknown, and what open_device() throws.
    DeviceRun(std::string backend, DeviceFlags flags);

    /// out in the type and lse in float, with the device, the type and the kernels as metadata. q, k and v are rounded
    /// to the type on the way in; `finite` refuses those that are not finite then, or beyond the range of
    /// cuda/device/range.hpp. Throws ShapeError for F64 and for dout, which kernels do not take, and KernelError where
    /// the kernel cannot do the problem.
    TensorFile operator()(const Problem& problem, TensorFile file, bool finite) const;

private:
    std::string backend_;
    DeviceFlags flags_;
    std::optional<DType> type_;
    std::unique_ptr<cuda::Device> device_;
};

} // namespace dra::cli
