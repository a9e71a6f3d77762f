#pragma once
/// \file
/// One topic of the comparison in full: what it teaches, times at every length, allocations, elements, FLOPs and
/// errors.

#include "benchmarks/comparison/judgement.hpp"
#include "benchmarks/comparison/page.hpp"

namespace dra::benchmarks {

/// Appends the topic of `entry` to the page.
void print_topic(Page& page, const Comparison& comparison, const published::Entry& entry);

} // namespace dra::benchmarks
