#include "reference/defects/diagnose.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::defects {
namespace {

constexpr Index N = 30, many_ranks = 2048; // of which most have no token

Sample posed(Index ranks, Layout layout = Layout::contiguous, bool causal = true) {
    return sample({{1, N, 2, 4},
                   1,
                   {.segment_lengths = {N, 10},
                    .dilation_rates = {1, 2},
                    .mode = Mode::mixture,
                    .causal = causal,
                    .ranks = ranks,
                    .layout = layout}});
}

/// What each of these forms makes of a problem, and what is said of that.
Diagnosis said_of(const Ingredients& wrong, const Sample& sample) {
    const Inputs inputs = sample.inputs(false);
    return diagnose(sample.problem, inputs, result_of(observe(wrong, sample.problem, inputs), DType::f32));
}

bool named_first(const Diagnosis& diagnosis, const std::string& id) {
    return !diagnosis.matches.empty() && diagnosis.matches.front().id == id;
}

TEST_CASE("ranks without tokens add no work, no form, and nothing to what is observed") {
    for (const Layout layout : dra::test::layouts) {
        const Sample few = posed(N, layout), many = posed(most_ranks, layout);
        const Observation one = observe({}, few.problem, few.inputs(true)),
                          other = observe({}, many.problem, many.inputs(true));
        CHECK(one.cost.pairs == other.cost.pairs);
        const auto error = [](const Tensor<double>& x, const Tensor<double>& y) {
            return (x.flat() - y.flat()).abs().maxCoeff();
        };
        CHECK(error(one.attention.out, other.attention.out) <= 1e-12);
        CHECK(error(one.gradients->dk, other.gradients->dk) <= 1e-12);
        CHECK(defect("swallowed-exception").forms(many.problem).size() == 3 * N);
    }
}

TEST_CASE("ranks that compute the same rows are counted, not run") {
    const Sample one = posed(1), many = posed(most_ranks);
    const Ingredients replicated = defect("replicated-ring").first(many.problem);
    CHECK(observe(replicated, many.problem, many.inputs(false)).cost.pairs ==
          most_ranks * observe({}, one.problem, one.inputs(false)).cost.pairs);
}

TEST_CASE("whichever chunk is lost, among few or among many without tokens, the defect is named first") {
    Index lost = 0;
    for (const Index ranks : {Index{3}, N, many_ranks})
        for (const bool causal : {false, true}) {
            const Sample witness = posed(ranks, Layout::contiguous, causal);
            const std::vector<Ingredients> forms = defect("swallowed-exception").forms(witness.problem);
            for (std::size_t form = 0; form < forms.size(); form += ranks == 3 ? 1 : ranks == N ? 17 : 61) {
                CAPTURE(form);
                CHECK(named_first(said_of(forms[form], witness), "swallowed-exception"));
                ++lost;
            }
        }
    CHECK(lost > 30);
}

TEST_CASE("where no chunk is lost, that is said to be absent, not invisible") {
    const Sample witness = posed(many_ranks);
    const Diagnosis diagnosis = said_of(defect("mask-sign").first(witness.problem), witness);
    CHECK(named_first(diagnosis, "mask-sign"));
    CHECK(std::ranges::count(diagnosis.absent, "swallowed-exception") == 1);
}

} // namespace
} // namespace dra::defects
