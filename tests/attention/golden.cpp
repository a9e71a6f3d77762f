#include "tests/golden.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("dilated_attention gives every golden case's own out and lse", T, float, double) {
    ErrorRatios worst;
    for (const std::string& name : golden_names()) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        const Problem problem = golden.problem();
        const Tensor<T> q = golden.q.cast<T>(), k = golden.k.cast<T>(), v = golden.v.cast<T>();
        Attention<T> result = poisoned<T>(problem);
        dilated_attention<T>(problem, {q, k, v}, result);

        const ErrorRatios by_file = error_ratios(problem, golden.expected, result);
        CHECK(by_file.out <= forward_bound);
        CHECK(by_file.lse <= forward_bound);
        CHECK(error_ratios(problem, oracle<T>(problem, {q, k, v}), result).within_bounds());
        worst = {std::max(worst.out, by_file.out), std::max(worst.lse, by_file.lse)};
    }
    MESSAGE("largest error ratios: out ", worst.out, ", lse ", worst.lse);
}

} // namespace
} // namespace dra::test
