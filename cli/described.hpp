#pragma once
/// \file
/// Problems and files, each described in the words of the other.

#include "reference/definition/safetensors.hpp"

namespace dra::cli {

/// The tensors that pose a problem; dout where its gradients are asked for too.
inline const std::vector<std::string> problem_tensors = {"q", "k", "v", "dout"};

/// What q, k, v and dout of a file claim to be, for validate().
InputInfo describe(const TensorFile& file);

/// A problem as metadata of a file: segments, dilations, mode, phase, causal, scale, ranks, layout.
std::map<std::string, std::string> describe(const Problem& problem);

/// The type of a flag: fp64, fp32, bf16 or fp16. Throws PatternError naming it otherwise.
DType parse_type(const std::string& flag, const std::string& text);

} // namespace dra::cli
