#include "reference/defects/conditions.hpp"
#include "reference/defects/entries.hpp"

namespace dra::defects {

namespace {

/// Every channel divided by its sum over all positions, and by the number of patterns.
Change dividing(bool by_patterns) {
    return [=](Ingredients& wrong) {
        wrong.place = [=](const PatternResult& result) {
            Eigen::RowVectorXd divisor = result.rows.out.colwise().sum();
            if (by_patterns) divisor *= static_cast<double>(result.problem.patterns());
            for (const Index n : result.selected) result.rows.out.row(n).array() /= divisor.array();
        };
    };
}

} // namespace

/// The output is divided by its own sum over positions, and by the number of groups.
Defect normalise_by_sum() {
    return {
        .id = "normalise-by-sum",
        .kind = Kind::value,
        .title = "Output divided by its own sum over positions",
        .symptom = "Every channel of out sums to 1 / groups over the positions, and is huge where the true sum is near "
                   "zero. The future leaks into the past through the sum. lse is right.",
        .cause = "The mixing of LongNet's equation 10, by softmax denominators, is read as a normalisation over the "
                 "sequence.",
        .repair = "Patterns in one head are mixed by lse; patterns in different heads need nothing.",
        .provenance = "A public implementation of dilated attention: outputs up to 73.",
        .witness = {{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}}},
        .conditions = {},
        .forms = forms({dividing(true), dividing(false)}),
    };
}

} // namespace dra::defects
