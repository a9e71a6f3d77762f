#pragma once
/// \file
/// Whose defect does this result show? A result of any program, judged, and held against the whole catalogue.
///
/// Every defect that can show is run on the problem (observe.hpp), in every form, and the result is held against what
/// it gives: by the bounds of the result's type, and NaN for NaN. A defect whose results are right on this problem is
/// invisible there, which is not the same as absent.

#include "reference/defects/catalogue.hpp"
#include "reference/defects/match.hpp"
#include "reference/defects/properties.hpp"

#include <functional>

namespace dra::defects {

/// A defect that the problem cannot show, and why.
struct InvisibleDefect {
    std::string id, reason;
};

/// What is being done, and how much of it is.
using Narrator = std::function<void(const std::string& stage, Index done, Index all)>;

/// What is said of a result.
struct Diagnosis {
    bool correct = false; ///< whether it is within the bounds of the type
    Errors errors;
    std::vector<Match> matches;             ///< best first; several fit where the problem cannot tell them apart
    std::vector<InvisibleDefect> invisible; ///< the defects that cannot be seen here, whether present or not
    std::vector<std::string> absent;        ///< the defects that would show here, and do not
    std::vector<RowErrors> rows;
    std::vector<Violation> violated;
};

/// Judges and, where it is wrong, explains. q, k, v, dout are exact in the result's type. The oracle, and where the
/// result is wrong a run of the engine for every form of every defect that is not hidden, on all cores: O(B H N^2 D)
/// each. The narrator is told of the oracle, and of every run, by one thread at a time.
///
/// Throws ShapeError where shapes disagree, or gradients are given without dout.
Diagnosis diagnose(
    const Problem& problem, const Inputs& inputs, const Result& result,
    const Narrator& narrate = [](const std::string&, Index, Index) {});

} // namespace dra::defects
