#pragma once
/// \file
/// The devices that this program was built for.

#include "cuda/device.hpp"

namespace dra::cli {

/// The device of `--backend cuda` or `--backend emulated`. Throws PatternError where this program was built without it,
/// DeviceError where there is no GPU.
std::unique_ptr<cuda::Device> open_device(const std::string& backend);

} // namespace dra::cli
