#pragma once
/// \file
/// Which kernel of the ladder does a pattern.

#include "cuda/kernels/ladder.hpp"

#include <optional>
#include <string>

namespace dra::cuda::DRA_TARGET {

/// The step of this name, or without one the fastest that can do it. Throws KernelError, naming the kernel and the
/// rule, where there is no such step or it cannot.
const Step& choose_step(const std::optional<std::string>& kernel, Type type, const Parameters& parameters,
                        int architecture);

} // namespace dra::cuda::DRA_TARGET
