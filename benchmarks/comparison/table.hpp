#pragma once
/// \file
/// The comparison as text, at most 118 columns: one summary first, then the claims, the waterfall, and a table a fix.

#include "benchmarks/comparison/judgement.hpp"

#include <string>

namespace dra::benchmarks {

std::string table(const Comparison& comparison);

} // namespace dra::benchmarks
