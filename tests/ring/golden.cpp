#include "tests/golden.hpp"
#include "reference/ring/ring_attention.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("ring_attention gives every golden case's own out and lse, for every R and layout", T, float,
                   double) {
    ErrorRatios worst;
    for (const std::string& name : golden_names()) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        const Tensor<T> q = golden.q.cast<T>(), k = golden.k.cast<T>(), v = golden.v.cast<T>();
        const Oracle truth = oracle<T>(golden.problem(), {q, k, v});
        for (const Layout layout : layouts)
            for (const Index ranks : {1, 2, 3, 4, 7}) {
                CAPTURE(ranks);
                CAPTURE(dra::name(layout));
                const Problem problem = golden.problem(ranks, layout);
                const PoisonedHeap poison;
                const Attention<T> result = ring_attention<T>(problem, {q, k, v});

                const ErrorRatios by_file = error_ratios(problem, golden.expected, result);
                CHECK(by_file.out <= forward_bound);
                CHECK(by_file.lse <= forward_bound);
                CHECK(error_ratios(problem, truth, result).within_bounds());
                worst = {std::max(worst.out, by_file.out), std::max(worst.lse, by_file.lse)};
            }
    }
    MESSAGE("largest error ratios: out ", worst.out, ", lse ", worst.lse);
}

} // namespace
} // namespace dra::test
