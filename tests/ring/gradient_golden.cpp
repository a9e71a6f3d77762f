#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "tests/golden.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

TEST_CASE_TEMPLATE("ring_attention_gradient gives every golden case's own dq, dk and dv, for every R and layout", T,
                   float, double) {
    ErrorRatios worst;
    for (const std::string& name : golden_names()) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        const Tensor<T> q = golden.q.cast<T>(), k = golden.k.cast<T>(), v = golden.v.cast<T>(),
                        dout = golden.dout.cast<T>();
        for (const Layout layout : layouts)
            for (const Index ranks : {1, 2, 3, 4, 7}) {
                CAPTURE(ranks);
                CAPTURE(dra::name(layout));
                const Problem problem = golden.problem(ranks, layout);
                const Attention<T> result = ring_attention<T>(problem, {q, k, v});
                const Gradients<T> gradients = ring_attention_gradient<T>(problem, {q, k, v}, result, dout);

                const ErrorRatios by_file = error_ratios(problem, golden.expected, result, &gradients);
                CHECK(by_file.dq <= gradient_bound);
                CHECK(by_file.dk <= gradient_bound);
                CHECK(by_file.dv <= gradient_bound);
                worst = {0, 0, std::max(worst.dq, by_file.dq), std::max(worst.dk, by_file.dk),
                         std::max(worst.dv, by_file.dv)};
            }
    }
    MESSAGE("largest error ratios: dq ", worst.dq, ", dk ", worst.dk, ", dv ", worst.dv);
}

} // namespace
} // namespace dra::test
