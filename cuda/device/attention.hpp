#pragma once
/// \file
/// Attention of a whole problem on a device, in one call: an executor is made, runs once and is given up. range.hpp
/// says of which inputs the result is finite, and which rows an element that is not finite reaches.

#include "cuda/device/device.hpp"

namespace dra::cuda {

/// out, rounded in the type and held in float, and lse; q, k and v are rounded to the type first. Where there is more
/// than one run, make an executor. Throws what make_executor() and wait() throw.
Attention<float> attention(Device& device, const Problem& problem, DType type, TensorView<const float> q,
                           TensorView<const float> k, TensorView<const float> v,
                           const std::optional<std::string>& kernel = std::nullopt);

/// The result of the executor's last run, in new tensors.
Attention<float> result_of(AttentionExecutor& executor, const Problem& problem);

} // namespace dra::cuda
