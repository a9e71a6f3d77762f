#pragma once
/// \file
/// The catalogue as a page for people: docs/defects.md.

#include "reference/defects/defect.hpp"

#include <string>

namespace dra::defects {

/// A witness in words: "N = 3, one head, R = 2, pattern (3, 1)".
std::string words(const Witness& witness);

/// The page in Markdown. The heading of a defect is its id, so that docs/defects.md#mask-sign is where it is explained.
std::string page();

} // namespace dra::defects
