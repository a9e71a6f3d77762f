#pragma once
/// \file
/// Errors of devices, kernels and the CUDA runtime.

#include "reference/definition/error.hpp"

#include <string>

namespace dra::cuda {

/// The error that there is no device to run on; its value says why.
struct DeviceError : InputError {
    using InputError::InputError;
};

/// The error of a kernel that cannot do what it is asked for: by its name, or by head size, type or architecture.
struct KernelError : InputError {
    using InputError::InputError;
    explicit KernelError(const std::string& sentence) : InputError(sentence) {}
};

/// The error of a call of the CUDA runtime that failed. `what()` reads "file:line: call: name: the runtime's words".
///
/// Launches fail late: the call that reports a kernel's fault is often a later one, up to the next wait.
class CudaError : public std::runtime_error {
public:
    CudaError(const char* file, int line, const char* call, const std::string& name, const std::string& words)
        : std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + call + ": " + name + ": " + words),
          file_(file), line_(line), call_(call), words_(words) {}

    const std::string& file() const { return file_; }
    int line() const { return line_; }
    const std::string& call() const { return call_; }   ///< the call as the source spells it
    const std::string& words() const { return words_; } ///< what cudaGetErrorString says

private:
    std::string file_;
    int line_;
    std::string call_, words_;
};

} // namespace dra::cuda
