#pragma once
/// \file
/// A topic alone: only the computation that it is about, in one of its rungs, behind one interface for all topics.
///
/// 1: the masks or extents of all chunks and patterns. 2, 3, 4: the whole problem's attention as one chunk without the
/// ring's gather, all other fixes principled. 5: the masks, index lists and head groups of one pipeline call, masks
/// filled by comparison. 6: the temporaries of a call, taken, first touched and given back. 7: the rows of all views. 8
/// and 9 are a whole call, and nothing alone.

#include "reference/definition/tolerance.hpp"
#include "reference/published/rung.hpp"

#include <functional>
#include <optional>

namespace dra::published {

/// Whether what an isolated form made is right.
struct Verification {
    bool right = false;
    double error_ratio = 0; ///< against the oracle; 0 for forms that make no attention
};

/// One rung of one topic, ready to run. It keeps views of q, k and v, which must outlive it.
struct IsolatedTopic {
    std::string absent;                                ///< why there is nothing to do here; empty where there is
    bool keeps = false;                                ///< the first call differs from later ones
    std::function<void()> run;                         ///< one call
    std::function<void()> forget;                      ///< makes the next call a first one again
    std::function<Counts()> counts;                    ///< what the last call counted
    std::function<Verification(const Oracle&)> verify; ///< poisons what there is to poison, runs, and judges
    /// Judges the published form where that is wrong: fix 3, after. Empty elsewhere.
    std::function<ErrorRatios(const Oracle&)> as_published{};
    std::function<void()> prepare{}; ///< to be called before every run, and no part of it; mostly empty
};

/// One rung of a topic alone. float and double.
template <class T> IsolatedTopic isolate(Topic topic, Rung rung, const Problem& problem, const InputsView<T>& inputs);

/// The whole call of an opportunity, in which nothing else changes from rung to rung: attention of the problem, or of
/// its last token. What is end to end for a fix is the pipeline. float and double.
template <class T>
IsolatedTopic whole_call(Topic opportunity, Rung rung, const Problem& problem, const InputsView<T>& inputs);

} // namespace dra::published
