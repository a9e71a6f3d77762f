#pragma once
/// \file
/// How many threads a loop gets: as many as OpenMP would give the caller, but none that would find nothing to do, since
/// each costs its start and its memory. A child of fork() computes alone. Not installed.

#include "reference/definition/fork.hpp"
#include "reference/definition/positions.hpp"

#include <omp.h>

namespace dra {

/// The threads for so many items, which they take one at a time.
inline int threads_for(Index items) {
    return is_forked ? 1 : static_cast<int>(std::clamp<Index>(items, 1, omp_get_max_threads()));
}

} // namespace dra
