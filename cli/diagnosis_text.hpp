#pragma once
/// \file
/// A diagnosis in words, and as JSON.

#include "reference/defects/diagnose.hpp"

namespace dra::cli {

/// A diagnosis for a terminal: the verdict, and where it is wrong the places, a heat map, what matches, what cannot be
/// seen, what is violated, and which probe to run next.
std::string as_text(const defects::Diagnosis& diagnosis, const Problem& problem, const defects::Result& result);

/// {"verdict": "correct" | "wrong", "error_ratios": {...}, "matches": [{"id", "residual"}, ...], "violated": [...]}. A
/// number that is not finite is null.
std::string as_json(const defects::Diagnosis& diagnosis);

} // namespace dra::cli
