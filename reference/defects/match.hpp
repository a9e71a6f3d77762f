#pragma once
/// \file
/// Whether a result is what a defect gives.

#include "reference/defects/bounds.hpp"
#include "reference/defects/defect.hpp"

#include <vector>

namespace dra::defects {

/// How sure a match is, the surest first.
enum class Fit {
    equal,   ///< within the bounds of the type
    close,   ///< beyond them, but all except a thousandth of the error is explained
    similar, ///< a precision defect whose error has this size
};

/// A known defect that gives the result.
struct Match {
    std::string id;
    double residual; ///< the largest difference from what the defect gives, relative to its largest element
    Fit fit = Fit::equal;
};

/// Sorts the surest first, and of these the smallest residual; what is equal but for rounding stays in its order.
void sort_best_first(std::vector<Match>& matches);

/// What a defect's form makes of a problem, in the result's type and no more than the result has; and whether that
/// shows: whether it is beyond the bounds of the type. `right_pairs` is what the right ingredients compute.
struct Prediction {
    Result result;
    bool shows = false;

    Prediction(Kind kind, const Observation& seen, const Bounds& bounds, const Result& like, Index right_pairs);
};

/// Whether `result`, whose errors are `judged`, is what is predicted of a defect. Only what shows is matched: value,
/// decoding, crash and precision by out and lse; gradient by dq, dk, dv; cost by what the program counted.
std::optional<Match> match(const Defect& defect, const Prediction& predicted, const Bounds& bounds,
                           const Result& result, const Errors& judged);

/// Why a result like this one cannot show a defect of this kind; empty where it can.
std::string not_in(const Result& result, Kind kind);

} // namespace dra::defects
