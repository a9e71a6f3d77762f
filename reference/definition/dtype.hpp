#pragma once
/// \file
/// The types of elements: one enumeration for tensors, files and kernels. No Eigen here, so that device code includes
/// it too.

namespace dra {

/// The type of a tensor's elements; computation is in float (f32, bf16, f16) or double (f64).
enum class DType { f32, f64, bf16, f16 };

/// Bytes per element.
constexpr int bytes_of(DType dtype) { return dtype == DType::f64 ? 8 : dtype == DType::f32 ? 4 : 2; }

} // namespace dra
