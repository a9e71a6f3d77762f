#pragma once
/// \file
/// A plan: what a problem asks for, settled once, so that it can be run many times without allocating.
///
/// Little is left to settle. Segments, rows, head groups and causality are closed forms, which are computed where they
/// are used and need neither lists nor masks; what a plan fixes is how many threads a run has, and how much memory.

#include "reference/definition/problem.hpp"

#include <vector>

namespace dra {

/// The wave of the gradients of one pattern, and how it is shared out.
struct GradientWave {
    Index views; ///< the views whose keys are packed at once
    Index parts; ///< the parts of a view's queries, each with dk and dv of its own, however many threads there are
};

/// What runs of one problem share; nothing in it changes after make_plan(), so that threads may share it.
struct Plan {
    Problem problem; ///< what is run
    int threads;     ///< a run's team, at most the panels of a pattern's queries; a child of fork() runs it alone
    std::vector<Index> wave_size;             ///< the views of each pattern whose keys are packed at once
    std::vector<GradientWave> gradient_waves; ///< the wave of each pattern's gradients
};

/// The plan of a problem, for teams of as many threads as OpenMP would give the caller now, as far as there is work for
/// them.
Plan make_plan(const Problem& problem);

} // namespace dra
