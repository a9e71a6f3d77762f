#pragma once
/// \file
/// A plan: what a problem asks for, settled once, so that it can be run many times without allocating.
///
/// Little is left to settle. Segments, rows, head groups and causality are closed forms, which are computed where they
/// are used and need neither lists nor masks; what a plan fixes is how many threads a run has, and how much memory.

#include "reference/definition/problem.hpp"

#include <vector>

namespace dra {

/// How the gradients of one pattern are shared out.
struct GradientWave {
    Index views; ///< whose keys are packed at once
    Index parts; ///< of a view's queries, each with dk and dv of its own, however many threads there are
};

/// What runs of one problem share; nothing in it changes after make_plan(), so that threads may share it.
struct Plan {
    Problem problem;
    int threads; ///< of a run's team, not more than the panels of a pattern's queries; a child of fork() runs it alone
    std::vector<Index> wave_size;             ///< of each pattern: how many of its views have their keys packed at once
    std::vector<GradientWave> gradient_waves; ///< of each pattern
};

/// Settles the problem for teams of as many threads as OpenMP would give the caller now, as far as there is work for them.
Plan make_plan(const Problem& problem);

} // namespace dra
