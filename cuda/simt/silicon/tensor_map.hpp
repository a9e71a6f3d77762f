#pragma once
/// \file
/// The description of a tensor that TMA reads: base, sizes, strides, box, swizzle; 128 bytes, made by the driver.

#include <cuda.h>

namespace dra::cuda::silicon {

/// Pass it as `const __grid_constant__ TensorMap`: TMA reads it from the kernel's parameters.
using TensorMap = CUtensorMap;

} // namespace dra::cuda::silicon
