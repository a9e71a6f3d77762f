#pragma once
/// \file
/// Which kernel of the ladder does a pattern.

#include "cuda/device/choice_table.hpp"
#include "cuda/kernels/ladder.hpp"

#include <optional>
#include <string>

namespace dra::cuda::DRA_TARGET {

/// The kernel of this name; or without a name the kernel that the table has for this shape, where it can do it; or else
/// the last of the ladder that can. Throws KernelError, naming the kernel and the rule, where there is no such kernel
/// or it cannot, and FormatError where the table names a kernel that there is not.
const AttentionKernel& choose_kernel(const std::optional<std::string>& name, DType type, const Parameters& parameters,
                                     int architecture, const ChoiceTable& table = built_in_choices());

} // namespace dra::cuda::DRA_TARGET
