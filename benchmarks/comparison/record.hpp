#pragma once
/// \file
/// The comparison as JSON: everything that the table says, the raw samples, and what it was measured with.

#include "benchmarks/comparison/judgement.hpp"

#include <nlohmann/json.hpp>

namespace dra::benchmarks {

/// `environment` says version, compiler, flags and CPU.
nlohmann::ordered_json record(const Comparison& comparison, const nlohmann::ordered_json& environment);

} // namespace dra::benchmarks
