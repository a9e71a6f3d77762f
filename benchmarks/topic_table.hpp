#pragma once
/// \file
/// One topic of the comparison in full: what it teaches, times at every length, allocations, elements, FLOPs and errors.

#include "benchmarks/judgement.hpp"
#include "benchmarks/page.hpp"

namespace dra::benchmarks {

void print_topic(Page& page, const Comparison& comparison, const published::Entry& entry);

} // namespace dra::benchmarks
