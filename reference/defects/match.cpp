#include "reference/defects/match.hpp"

#include <algorithm>
#include <cmath>

namespace dra::defects {
namespace {

constexpr double explained = 1e-3;    // of the error may be left
constexpr double small_error = 0.1;   // relative: a larger one is no matter of precision
constexpr double counted = 0.01;      // work is the same within this share
constexpr double equally_good = 1e-6; // residuals below are rounding

bool is_half(DType dtype) { return dtype == DType::bf16 || dtype == DType::f16; }

double mean_difference(const Tensor<double>& x, const Tensor<double>& y) { return (x.flat() - y.flat()).abs().mean(); }

std::optional<Match> match_work(const Defect& defect, const Result& predicted, const Result& result) {
    const double apart =
        std::abs(static_cast<double>(*result.pairs - *predicted.pairs)) / static_cast<double>(*predicted.pairs);
    const bool same_rows = !result.rows_received || result.rows_received == predicted.rows_received;
    return apart <= counted && same_rows ? std::optional(Match{defect.id, apart}) : std::nullopt;
}

} // namespace

void sort_best_first(std::vector<Match>& matches) {
    std::ranges::stable_sort(
        matches, {}, [](const Match& match) { return std::pair(match.fit, std::max(match.residual, equally_good)); });
}

std::string not_in(const Result& result, Kind kind) {
    if (kind == Kind::gradient && !result.has_gradients()) return "there are no dq, dk, dv";
    if (kind == Kind::cost && !result.pairs)
        return "results are right; only the number of pairs that were computed shows it";
    return "";
}

Prediction::Prediction(Kind kind, const Observation& seen, const Bounds& bounds, const Result& like, Index right_pairs)
    : result(result_of(seen, bounds.dtype())) {
    if (!result.error.empty()) {
        shows = true;
        return;
    }
    if (!like.lse) result.lse.reset();
    if (kind != Kind::gradient || !like.dq) result.dq.reset();
    if (kind != Kind::gradient || !like.dk) result.dk.reset();
    if (kind != Kind::gradient || !like.dv) result.dv.reset();
    const Errors errors = bounds.judge(result);
    shows = kind == Kind::cost ? static_cast<double>(*result.pairs) > (1 + counted) * static_cast<double>(right_pairs)
            : kind == Kind::gradient ? !(errors.gradient <= 1)
                                     : !(errors.forward <= 1);
}

std::optional<Match> match(const Defect& defect, const Prediction& predicted, const Bounds& bounds,
                           const Result& result, const Errors& judged) {
    if (!predicted.shows || !not_in(result, defect.kind).empty()) return std::nullopt;
    const bool ended = !result.error.empty(), predicted_end = !predicted.result.error.empty();
    if (ended || predicted_end) return ended && predicted_end ? std::optional(Match{defect.id, 0}) : std::nullopt;
    if (defect.kind == Kind::cost)
        return judged.within_bounds() ? match_work(defect, predicted.result, result) : std::nullopt;

    const bool by_gradient = defect.kind == Kind::gradient;
    if (by_gradient ? judged.gradient <= 1 || !(judged.forward <= 1) : judged.forward <= 1) return std::nullopt;
    const Errors apart = bounds.compare(result, predicted.result);
    const double residual = by_gradient ? apart.gradient_residual : apart.forward_residual;
    const double error = by_gradient ? judged.gradient_residual : judged.forward_residual;
    if ((by_gradient ? apart.gradient : apart.forward) <= 1) return Match{defect.id, residual};
    if (residual <= explained * error && std::isfinite(error)) return Match{defect.id, residual, Fit::close};
    if (defect.kind != Kind::precision || !is_half(bounds.dtype()) || !(error <= small_error)) return std::nullopt;
    const double share = mean_difference(result.out, bounds.truth().attention.out) /
                         mean_difference(predicted.result.out, bounds.truth().attention.out);
    return share > 0.5 && share < 2 ? std::optional(Match{defect.id, residual, Fit::similar}) : std::nullopt;
}

} // namespace dra::defects
