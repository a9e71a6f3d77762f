#pragma once
/// \file
/// Dilated ring attention, chunk by chunk, from a set of ingredients. With the right ones it is the
/// definition; with a wrong one it shows what that defect makes of a problem.
///
/// Plain on purpose, in double, one thread: 4 D FLOPs per selected pair and one function call per causal
/// one. A problem's
/// ranks are the chunks that keys come in, in its layout; rank p visits p, p-1, ... like the ring.

#include "reference/defects/ingredients.hpp"

#include <string>

namespace dra::defects {

/// The cost of all ranks together.
struct Cost {
    Index pairs = 0;         ///< scores that were computed in all heads
    Index rows_received = 0; ///< rows of k that a rank attended and neither owns nor computes, of all batches and heads
};

/// What a set of ingredients makes of a problem.
struct Observation {
    std::string error; ///< how it ended, where it did not end well: nothing else is filled in then
    Attention<double> attention;
    std::optional<Gradients<double>> gradients; ///< where there was a dout
    Cost cost;
};

/// Runs the problem. Exceptions of ingredients are caught and end up in `error`.
Observation observe(const Ingredients& ingredients, const Problem& problem, const Inputs& inputs);

} // namespace dra::defects
