#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "tests/golden.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("dilated_attention_gradient gives every golden case's own dq, dk and dv", T, float, double) {
    ErrorRatios worst;
    for (const std::string& name : golden_names()) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        const Problem problem = golden.problem();
        const Tensor<T> q = golden.q.cast<T>(), k = golden.k.cast<T>(), v = golden.v.cast<T>(),
                        dout = golden.dout.cast<T>();
        const Attention<T> result = dilated_attention<T>(problem, {q, k, v});
        Gradients<T> gradients = poisoned_gradients<T>(problem);
        dilated_attention_gradient<T>(problem, {q, k, v}, result, dout, gradients);

        const ErrorRatios by_file = error_ratios(problem, golden.expected, result, &gradients);
        CHECK(by_file.dq <= gradient_bound);
        CHECK(by_file.dk <= gradient_bound);
        CHECK(by_file.dv <= gradient_bound);
        worst = {0, 0, std::max(worst.dq, by_file.dq), std::max(worst.dk, by_file.dk), std::max(worst.dv, by_file.dv)};
    }
    MESSAGE("largest error ratios: dq ", worst.dq, ", dk ", worst.dk, ", dv ", worst.dv);
}

} // namespace
} // namespace dra::test
