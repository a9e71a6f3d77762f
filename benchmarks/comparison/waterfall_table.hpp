#pragma once
/// \file
/// One fix after another, end to end: from everything before to everything principled.

#include "benchmarks/comparison/judgement.hpp"
#include "benchmarks/comparison/page.hpp"

namespace dra::benchmarks {

/// Appends the waterfall at the largest length; and where its first rows are absent there, before that at the largest
/// where all are measured.
void print_waterfall(Page& page, const Comparison& comparison);

} // namespace dra::benchmarks
