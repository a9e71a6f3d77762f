#pragma once
/// \file
/// The devices that stand beside the program: see device_library.hpp.

#include "cuda/published/rungs.hpp"

#include <memory>
#include <string>

namespace dra::cli {

/// The device of `--backend cuda` or `--backend emulated`. Throws PatternError where its library is not there,
/// DeviceError where there is no GPU.
std::unique_ptr<cuda::Device> open_device(const std::string& backend);

/// The same device as the comparison sees it.
std::unique_ptr<cuda::RungDevice> open_rung_device(const std::string& backend);

} // namespace dra::cli
