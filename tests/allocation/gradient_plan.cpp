#include "benchmarks/measuring/allocations.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/definition/random.hpp"

#include <doctest/doctest.h>
#include <omp.h>

namespace dra {
namespace {

TEST_CASE_TEMPLATE("a run of the gradients allocates nothing, the first one included", T, float, double) {
    const Shape shape{2, 1500, 4, 24}, kv_shape{2, 1500, 2, 24};
    const Tensor<T> q = random_normal<T>(shape, 1), k = random_normal<T>(kv_shape, 2),
                    v = random_normal<T>(kv_shape, 3), dout = random_normal<T>(shape, 4);
    Gradients<T> into{Tensor<T>(shape), Tensor<T>(kv_shape), Tensor<T>(kv_shape)};
    const int before = omp_get_max_threads();
    for (const int threads : {1, 2})
        for (const Mode mode : {Mode::groups, Mode::mixture})
            for (const bool constant : {false, true}) { // mixing weights
                if (constant && mode == Mode::groups) continue;
                omp_set_num_threads(threads);
                const Problem problem = validate({.segment_lengths = {5, 1500, 64},
                                                  .dilation_rates = {2, 3, 1},
                                                  .mode = mode,
                                                  .causal = true,
                                                  .stop_gradient_mixing = constant},
                                                 info<T>({q, k, v}));
                const Attention<T> result = dilated_attention<T>(problem, {q, k, v});
                const Plan plan = make_plan(problem);
                benchmarks::AllocationCount of_workspace;
                GradientWorkspace<T> workspace(plan);
                const benchmarks::Allocations made = of_workspace.stop();
                MESSAGE(threads, " threads: a workspace of ", made.bytes, " bytes in ", made.number, " allocations");
                CHECK(made.number > 0);
                for (int again = 0; again < 3; ++again) {
                    benchmarks::AllocationCount of_run;
                    dilated_attention_gradient<T>(plan, {q, k, v}, result, dout, into, workspace);
                    CHECK(of_run.stop().number == 0);
                }
            }
    omp_set_num_threads(before);
}

} // namespace
} // namespace dra
