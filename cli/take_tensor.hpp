#pragma once
/// \file
/// Tensors out of a file, each there once, however large.

#include "reference/definition/safetensors.hpp"

namespace dra::cli {

/// The tensor of this name in type T; the file loses it. Throws FormatError where it is missing or its rank is not 4.
template <class T> Tensor<T> take_tensor(TensorFile& file, const std::string& name) {
    Tensor<T> tensor = to_tensor<T>(name, file.at(name));
    file.tensors.erase(name);
    return tensor;
}

} // namespace dra::cli
