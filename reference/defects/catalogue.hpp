#pragma once
/// \file
/// The catalogue: every defect once, as data. Tests, the probe, the diagnosis and docs/defects.md iterate over it.

#include "reference/defects/defect.hpp"

namespace dra::defects {

/// The defects, those of the report's class first, in a fixed order.
const std::vector<Defect>& catalogue();

/// The defect with this id. Throws PatternError where there is none.
const Defect& defect(const std::string& id);

} // namespace dra::defects
