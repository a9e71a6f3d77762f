#pragma once
/// \file
/// What host code includes under g++: the emulated CUDA runtime, launch(), tensor maps, and the emulator's own knobs.

#include "cuda/simt/emulator/config.hpp"
#include "cuda/simt/emulator/counters.hpp"
#include "cuda/simt/emulator/cuda_api.hpp"
#include "cuda/simt/emulator/fault.hpp"
#include "cuda/simt/emulator/launch.hpp"
#include "cuda/simt/emulator/tensor_map.hpp"
#include "reference/definition/dtype.hpp"

namespace dra::simt {

/// Describes a tensor to TMA: `sizes` and `box` in elements, innermost first; `strides_bytes` of all but the innermost
/// dimension. Elements outside read as zero. Throws std::invalid_argument where the driver would refuse.
TensorMap make_tensor_map(DType element, void* base, int rank, const std::uint64_t* sizes,
                          const std::uint64_t* strides_bytes, const std::uint32_t* box, bool swizzle_128);

} // namespace dra::simt
