#include "reference/ring/ring_attention.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("rows that see nothing are (0, -inf), and no others, whoever owns them", T, float, double) {
    const Question asked{{2, 23, 6, 3},
                         3,
                         {.segment_lengths = {7, 9}, .dilation_rates = {7, 4}, .mode = Mode::mixture, .causal = true},
                         1};
    const RandomInputs<T> inputs(asked);
    Index empty = 0;
    for (const Layout layout : layouts)
        for (const Index ranks : {1, 2, 5, 23, 24, 47}) {
            CAPTURE(ranks);
            const PoisonedHeap poison;
            const auto [out, lse] = ring_attention<T>(inputs.on_ring(ranks, layout), inputs);
            for (Index b = 0; b < 2; ++b)
                for (Index h = 0; h < 6; ++h)
                    for (Index i = 0; i < 23; ++i) {
                        const bool sees_itself = times_seen(inputs.problem, h / 2, i, i) > 0;
                        empty += !sees_itself;
                        const bool zero = out.view().rows(b, h).row(i).isZero(0);
                        CHECK((zero && lse(b, h, i) == -std::numeric_limits<T>::infinity()) == !sees_itself);
                    }
        }
    MESSAGE("empty rows ", empty);
    CHECK(empty > 100);
}

TEST_CASE_TEMPLATE("a NaN in q of one row reaches its out and lse on every ring, and no other row", T, float, double) {
    const Question asked{{1, 20, 1, 3}, 1, {.segment_lengths = {20}, .dilation_rates = {1}}, 1};
    RandomInputs<T> inputs(asked);
    inputs.q(0, 11, 0, 1) = std::numeric_limits<T>::quiet_NaN();
    for (const Layout layout : layouts)
        for (const Index ranks : {1, 2, 3, 20}) {
            CAPTURE(ranks);
            const auto [out, lse] = ring_attention<T>(inputs.on_ring(ranks, layout), inputs);
            for (Index i = 0; i < 20; ++i) {
                CHECK(std::isnan(lse(0, 0, i)) == (i == 11));
                CHECK(out.view().rows(0, 0).row(i).array().isNaN().all() == (i == 11));
            }
        }
}

} // namespace
} // namespace dra::test
