#include "reference/attention/plan.hpp"
#include "benchmarks/measuring/allocations.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "reference/definition/random.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <thread>

namespace dra {
namespace {

/// Calls visit(plan, q, k, v) for plans of one and of two threads, of groups and of a mixture, short views and long.
template <class T, class Visit> void for_each_plan(Visit visit) {
    const Shape shape{2, 1500, 4, 24}, kv_shape{2, 1500, 2, 24};
    const Tensor<T> q = random_normal<T>(shape, 1), k = random_normal<T>(kv_shape, 2),
                    v = random_normal<T>(kv_shape, 3);
    const int before = omp_get_max_threads();
    for (const int threads : {1, 2})
        for (const Mode mode : {Mode::groups, Mode::mixture}) {
            omp_set_num_threads(threads);
            const Problem problem =
                validate({.segment_lengths = {5, 1500, 64}, .dilation_rates = {2, 3, 1}, .mode = mode, .causal = true},
                         info<T>({q, k, v}));
            visit(make_plan(problem), q, k, v);
        }
    omp_set_num_threads(before);
}

template <class T> benchmarks::Allocations allocations_of(const Plan& plan, const Tensor<T>& q, const Tensor<T>& k,
                                                          const Tensor<T>& v, Workspace<T>& workspace) {
    Tensor<T> out(plan.problem.q_shape());
    Lse<T> lse(plan.problem.batch, plan.problem.heads, plan.problem.tokens);
    benchmarks::AllocationCount count;
    dilated_attention<T>(plan, {q, k, v}, {out, lse}, workspace);
    return count.stop();
}

TEST_CASE_TEMPLATE("a run allocates nothing, the first one included", T, float, double) {
    for_each_plan<T>([](const Plan& plan, const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v) {
        benchmarks::AllocationCount count;
        Workspace<T> workspace(plan);
        const benchmarks::Allocations made = count.stop();
        MESSAGE(plan.threads, " threads: a workspace of ", made.bytes, " bytes in ", made.number, " allocations");
        CHECK(made.number > 0);
        for (int again = 0; again < 3; ++again) CHECK(allocations_of(plan, q, k, v, workspace).number == 0);
    });
}

TEST_CASE("a run allocates nothing on a thread of its own") {
    for_each_plan<float>([](const Plan& plan, const Tensor<float>& q, const Tensor<float>& k, const Tensor<float>& v) {
        std::int64_t allocations = -1;
        std::thread([&] {
            Workspace<float> workspace(plan);
            allocations = allocations_of(plan, q, k, v, workspace).number;
        }).join();
        CHECK(allocations == 0);
    });
}

} // namespace
} // namespace dra
