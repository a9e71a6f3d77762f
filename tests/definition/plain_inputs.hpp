#pragma once
/// \file
/// A configuration and inputs that validate() accepts, to break one rule at a time.

#include "reference/definition/problem.hpp"

namespace dra::test {

inline Configuration plain() { return {.segment_lengths = {4, 8}, .dilation_rates = {1, 2}}; }

inline TensorInfo of_shape(std::vector<Index> shape, DType dtype = DType::f32) { return {dtype, std::move(shape)}; }

inline InputInfo inputs(const std::vector<Index>& q, const std::vector<Index>& kv) {
    return {of_shape(q), of_shape(kv), of_shape(kv), std::nullopt};
}

inline InputInfo plain_inputs() { return inputs({1, 16, 4, 8}, {1, 16, 2, 8}); }

} // namespace dra::test
