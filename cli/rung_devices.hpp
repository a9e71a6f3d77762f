#pragma once
/// \file
/// The devices on which the rungs of the fixes can be compared.

#include "cuda/published/rungs.hpp"

namespace dra::cli {

/// The device of `--backend cuda` or `--backend emulated`. Throws what open_device() throws.
std::unique_ptr<cuda::RungDevice> open_rung_device(const std::string& backend);

} // namespace dra::cli
