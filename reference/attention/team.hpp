#pragma once
/// \file
/// A team of threads, and loops that it shares out. A team of one is the calling thread, for which OpenMP is not asked:
/// it would allocate. So is every team in a child of fork(). Not installed.

#include "reference/definition/fork.hpp"
#include "reference/definition/positions.hpp"

#include <omp.h>

namespace dra {

/// Whether a team of so many is the calling thread.
inline bool is_alone(int threads) { return threads == 1 || is_forked; }

/// Calls work(thread) by every thread of a team of at most so many, numbered from 0.
template <class Work> void with_team(int threads, const Work& work) {
    if (is_alone(threads)) return work(0);
#pragma omp parallel num_threads(threads)
    work(omp_get_thread_num());
}

/// Called by every thread of a team: work(i) for the items i in [0, count), each by whoever is free first. All wait for
/// the last one.
template <class Work> void share_out(int threads, Index count, const Work& work) {
    if (is_alone(threads)) {
        for (Index i = 0; i < count; ++i) work(i);
        return;
    }
#pragma omp for schedule(dynamic)
    for (Index i = 0; i < count; ++i) work(i);
}

} // namespace dra
