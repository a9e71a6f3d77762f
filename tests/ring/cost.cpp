#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "reference/ring/round.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// Steps at which a rank works, and the progressions that they are kept as.
struct Steps {
    Index worked = 0, progressions = 0;
};

Steps steps_of(const Problem& problem) {
    Steps found;
    found.progressions = static_cast<Index>(turns(problem).size());
    go_round(problem, [&](std::size_t, std::size_t) { ++found.worked; });
    return found;
}

Question one_pattern(Index tokens, Index w, Index r, Index ranks, Layout layout) {
    return {{1, tokens, 2, 4},
            1,
            {.segment_lengths = {w}, .dilation_rates = {r}, .causal = true, .ranks = ranks, .layout = layout}};
}

bool same(const Gradients<float>& x, const Gradients<float>& y) {
    const auto equal = [](const Tensor<float>& a, const Tensor<float>& b) { return (a.flat() == b.flat()).all(); };
    return equal(x.dq, y.dq) && equal(x.dk, y.dk) && equal(x.dv, y.dv);
}

TEST_CASE("ranks beyond the tokens own nothing, work at no step, and change no bit") {
    const RandomInputs<float> one_each(one_pattern(24, 12, 1, 24, Layout::contiguous)),
        many(one_pattern(24, 12, 1, most_ranks, Layout::contiguous));
    CHECK(holdings(many.problem).size() == 24);
    CHECK(steps_of(many.problem).worked == 2 * 12 * 13 / 2); // a visible pair each
    CHECK(steps_of(one_each.problem).worked == steps_of(many.problem).worked);

    const Tensor<float> dout = random_normal<float>(many.problem.q_shape(), 9);
    const auto forward = [](const RandomInputs<float>& in) { return ring_attention<float>(in.problem, in); };
    const auto backward = [&](const RandomInputs<float>& in) {
        return ring_attention_gradient<float>(in.problem, in, forward(in), dout);
    };
    CHECK(test::same(forward(many), forward(one_each)));
    CHECK(same(backward(many), backward(one_each)));
}

TEST_CASE("in every layout 65,536 ranks work at no more steps than there are visible pairs") {
    for (const Layout layout : layouts) {
        const RandomInputs<float> given(one_pattern(40, 10, 3, most_ranks, layout));
        const Problem& problem = given.problem;
        Index pairs = 0;
        for (Index i = 0; i < problem.tokens; ++i)
            for (Index j = 0; j < problem.tokens; ++j) pairs += times_seen(problem, 0, i, j);
        const Steps steps = steps_of(problem);
        MESSAGE(name(layout), ": ", steps.worked, " steps, ", pairs, " visible pairs");
        CHECK(steps.worked == pairs);
        CHECK(error_ratios(problem, given.truth(), ring_attention<float>(problem, given)).forward() <= forward_bound);
    }
}

TEST_CASE("steps grow with the pairs that short or dilated segments show, and are kept as progressions") {
    constexpr Index N = 4096; // and as many ranks, a token each
    const auto steps = [](Index w, Index r) {
        return steps_of(RandomInputs<float>(one_pattern(N, w, r, N, Layout::contiguous)).problem);
    };
    CHECK(steps(8, 1).worked == N / 8 * (8 * 9 / 2));
    CHECK(steps(64, 64).worked == N / 64); // one row of each segment is selected
    const Steps dilated = steps(1024, 4);
    CHECK(dilated.worked == N / 1024 * (256 * 257 / 2));
    CHECK(dilated.progressions == N / 4); // one of each rank whose token is selected
}

} // namespace
} // namespace dra::test
