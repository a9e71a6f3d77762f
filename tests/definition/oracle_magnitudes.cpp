#include "tests/definition/oracle_cases.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace dra::test {

TEST_CASE("magnitudes are the largest over the visible pairs of each batch and head") {
    for (const Case& example : cases) {
        CAPTURE(example.name);
        const CaseInputs inputs(example);
        const Problem& problem = inputs.problem;
        const Oracle truth = inputs.truth();
        REQUIRE(static_cast<Index>(truth.magnitudes.size()) == problem.batch * problem.heads);
        for (Index b = 0; b < problem.batch; ++b)
            for (Index h = 0; h < problem.heads; ++h) {
                const Index g = h / problem.query_heads_per_kv_head();
                Magnitudes expected{.score = 0, .dp = 0, .query = 0, .key = 0};
                for (Index i = 0; i < problem.tokens; ++i)
                    for (Index j = 0; j < problem.tokens; ++j) {
                        if (times_seen(problem, g, i, j) == 0) continue;
                        double score = 0, dp = 0;
                        for (Index d = 0; d < problem.head_dim; ++d) {
                            score += problem.softmax_scale * inputs.q(b, i, h, d) * inputs.k(b, j, g, d);
                            dp += inputs.dout(b, i, h, d) * inputs.v(b, j, g, d);
                            expected.query = std::max(expected.query, std::abs(inputs.q(b, i, h, d)));
                            expected.key = std::max(expected.key, std::abs(inputs.k(b, j, g, d)));
                        }
                        expected.score = std::max<Magnitude>(expected.score, std::abs(score));
                        expected.dp = std::max<Magnitude>(expected.dp, std::abs(dp));
                    }
                const Magnitudes& found = truth.of(b, h);
                CHECK(std::abs(found.score - expected.score) <= golden_bound * expected.score);
                CHECK(std::abs(found.dp - expected.dp) <= golden_bound * expected.dp);
                CHECK(found.query == expected.query);
                CHECK(found.key == expected.key);
            }
    }
}

TEST_CASE("where nothing is visible, magnitudes are 0") {
    const Magnitudes none;
    CHECK(none.score == 0);
    CHECK(none.dp == 0);
    CHECK(none.query == 0);
    CHECK(none.key == 0);
}

TEST_CASE("the magnitudes of one token are those of its one pair, however small, and without a dout dP is 0") {
    const Shape shape{1, 1, 1, 2};
    const Tensor<double> q(shape, 0.5), k(shape, 0.25), v(shape, 0.125), dout(shape, 2);
    const Problem problem =
        validate({.segment_lengths = {1}, .dilation_rates = {1}, .softmax_scale = 1.0}, info<double>({q, k, v}));
    const Magnitudes with = oracle<double>(problem, {q, k, v}, dout.view()).of(0, 0),
                     without = oracle<double>(problem, {q, k, v}).of(0, 0);
    CHECK(with.score == 0.25);
    CHECK(with.dp == 0.5);
    CHECK(with.query == 0.5);
    CHECK(with.key == 0.25);
    CHECK(without.dp == 0);
}

} // namespace dra::test
