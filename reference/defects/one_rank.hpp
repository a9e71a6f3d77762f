#pragma once
/// \file
/// One rank, run alone: of a defect that has a form for every chunk, what each makes of the rows where a result is
/// furthest from the truth. A form that does not explain these is not run on the others.

#include "reference/defects/match.hpp"
#include "reference/defects/places.hpp"

namespace dra::defects {

class OneRank {
public:
    /// The rank that owns the worst of the rows; all arguments outlive it.
    OneRank(const Problem& problem, const Inputs& inputs, const Bounds& bounds, const Result& result,
            const Errors& judged, const std::vector<RowErrors>& rows);

    /// Of the rank's rows, whether they are wrong, and whether they are the result's.
    struct Seen {
        bool shows, matches;
    };
    Seen run(const Defect& defect, const Ingredients& wrong) const;

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
    Attention<double> given_;         ///< by the result; where it has no lse, the true one
};

} // namespace dra::defects
