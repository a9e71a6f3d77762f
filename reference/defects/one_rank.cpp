#include "reference/defects/one_rank.hpp"

namespace dra::defects {
namespace {

/// The token of the row that is furthest from the truth, of out or, where out is right, of lse.
Index worst_token(const std::vector<RowErrors>& rows) {
    for (const RowErrors& errors : rows) {
        Index row = 0;
        if (errors.wrong_rows() == 0) continue;
        errors.share.maxCoeff(&row);
        return row % errors.tokens;
    }
    return 0;
}

} // namespace

OneRank::OneRank(const Problem& problem, const Inputs& inputs, const Bounds& bounds, const Result& result,
                 const Errors& judged, const std::vector<RowErrors>& rows)
    : problem_(problem), inputs_(inputs), bounds_(bounds), result_(result),
      judged_(judged), given_{result.out, result.lse ? *result.lse : bounds.truth().attention.lse} {
    const Index worst = worst_token(rows);
    const std::vector<Holding> held = holdings(problem);
    for (const auto& [tokens, rank] : held)
        if (tokens.begin <= worst && worst < tokens.end) rank_ = rank;
    for (const auto& [tokens, rank] : held)
        if (rank != rank_) elsewhere_.push_back(tokens);
}

OneRank::Outcome OneRank::run(const Defect& defect, const Ingredients& wrong) const {
    Ingredients alone = wrong;
    alone.computed = [rank = rank_](const Problem& problem, Index asked) {
        return asked == rank ? right::owned(problem, asked) : std::vector<Interval>();
    };
    const Observation seen = observe(alone, problem_, inputs_);
    if (!seen.error.empty()) return {true, false};
    return {prediction(defect, seen, bounds_.truth().attention).shows,
            match(defect, prediction(defect, seen, given_), bounds_, result_, judged_).has_value()};
}

Prediction OneRank::prediction(const Defect& defect, Observation seen, const Attention<double>& elsewhere) const {
    for (const auto& [begin, end] : elsewhere_)
        for (Index b = 0; b < problem_.batch; ++b)
            for (Index h = 0; h < problem_.heads; ++h) {
                const Positions rows{begin, 1, end - begin};
                seen.attention.out.view().rows(b, h, rows) = elsewhere.out.view().rows(b, h, rows);
                seen.attention.lse.rows(b, h, rows) = elsewhere.lse.rows(b, h, rows);
            }
    return {defect.kind, seen, bounds_, result_, 1};
}

} // namespace dra::defects
