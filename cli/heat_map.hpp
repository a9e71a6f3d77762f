#pragma once
/// \file
/// Where a result is wrong, at a glance: one row per head, tokens from left to right, chunk borders marked.

#include "reference/defects/places.hpp"

#include <string>
#include <vector>

namespace dra::cli {

/// A heat map for a terminal, of 64 columns at most, each the worst of its tokens: '.' is within the bound, then - + #
/// are up to ten times it, up to a thousand times, and beyond; '!' is not finite.
std::string text_heat_map(const defects::RowErrors& errors, const Problem& problem);

/// A heat map of every tensor, as SVG.
std::string svg_heat_map(const std::vector<defects::RowErrors>& tensors, const Problem& problem);

} // namespace dra::cli
