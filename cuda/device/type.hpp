#pragma once
/// \file
/// The types that kernels compute in, f32, bf16 and f16: their names in flags, and rounding to them on the host.
/// Accumulation and lse are float always.

#include "reference/definition/problem.hpp"

#include <string>

namespace dra::cuda {

/// "fp32", "bf16" or "fp16": what flags and messages say.
std::string type_name(DType type);

/// The type of this name. Throws PatternError naming `field` and the allowed names.
DType parse_type(const std::string& field, const std::string& value);

/// Throws KernelError where kernels do not compute in the type.
void check_type(DType type);

/// The type that a file's tensors are computed in when nobody chose one: their own where kernels have it, else f32.
DType natural_type(DType stored);

/// The tensor with every element rounded to nearest even in the type, held in float: what a kernel is really given.
Tensor<float> rounded(const Tensor<float>& tensor, DType type);

/// Converts `count` floats to the type, rounded to nearest even.
void narrow(DType type, void* to, const float* from, Index count);

/// Converts `count` elements of the type to float, exactly.
void widen(DType type, float* to, const void* from, Index count);

} // namespace dra::cuda
