#pragma once
/// \file
/// One rank, run alone: what each form of a defect that has one for every chunk makes of the rows where a result is
/// furthest from the truth. A form that does not explain these is not run on the others.

#include "reference/defects/match.hpp"
#include "reference/defects/places.hpp"

namespace dra::defects {

/// The rank that owns the row of a result which is furthest from the truth.
class OneRank {
public:
    /// Finds that rank in `rows`. All arguments must outlive it.
    OneRank(const Problem& problem, const Inputs& inputs, const Bounds& bounds, const Result& result,
            const Errors& judged, const std::vector<RowErrors>& rows);

    /// Whether the rank's rows are wrong, and whether they are the result's.
    struct Outcome {
        bool shows, matches;
    };
    Outcome run(const Defect& defect, const Ingredients& wrong) const;

private:
    /// What was observed of the rank's rows, all others being given.
    Prediction prediction(const Defect& defect, Observation seen, const Attention<double>& elsewhere) const;

    const Problem& problem_;
    const Inputs& inputs_;
    const Bounds& bounds_;
    const Result& result_;
    const Errors& judged_;
    Index rank_ = 0;
    std::vector<Interval> elsewhere_; ///< the tokens of other ranks
    Attention<double> given_;         ///< the result; where it has no lse, with the true one
};

} // namespace dra::defects
