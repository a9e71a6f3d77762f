#pragma once
/// \file
/// Where a result is wrong, at a glance: a row a head, tokens from left to right, chunk borders marked.

#include "reference/defects/places.hpp"

#include <string>
#include <vector>

namespace dra::cli {

/// For a terminal, 64 columns at most: each the worst of its tokens. '.' within the bound, then - + # up to ten, a
/// thousand times, and beyond it; '!' not finite.
std::string text_heat_map(const defects::RowErrors& errors, const Problem& problem);

/// All tensors as SVG.
std::string svg_heat_map(const std::vector<defects::RowErrors>& tensors, const Problem& problem);

} // namespace dra::cli
