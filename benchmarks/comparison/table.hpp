#pragma once
/// \file
/// The comparison as text, at most 118 columns: one summary first, then the claims, the waterfall, and one table per
/// topic.

#include "benchmarks/comparison/judgement.hpp"

#include <string>

namespace dra::benchmarks {

/// The whole text.
std::string table(const Comparison& comparison);

} // namespace dra::benchmarks
