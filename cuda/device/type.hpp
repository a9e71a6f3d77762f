#pragma once
/// \file
/// The types that kernels compute in: their names, their files' types, and rounding to them on the host.

#include "cuda/device/parameters.hpp"
#include "reference/definition/problem.hpp"

#include <string>

namespace dra::cuda {

/// "fp32", "bf16" or "fp16": what flags and messages say.
std::string name(Type type);

/// The type of this name. Throws PatternError naming `field` and the allowed names.
Type parse_type(const std::string& field, const std::string& value);

/// What a file calls it.
DType dtype(Type type);

/// The type that a file's tensors are computed in when nobody chose one: their own where kernels have it, else fp32.
Type natural_type(DType dtype);

/// Every element rounded to nearest even in the type, held in float: what a kernel is really given.
Tensor<float> rounded(const Tensor<float>& tensor, Type type);

/// `count` floats into memory of the type, rounded to nearest even, and back, exactly.
void narrow(Type type, void* to, const float* from, Index count);
void widen(Type type, float* to, const void* from, Index count);

} // namespace dra::cuda
