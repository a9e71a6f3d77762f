#include "reference/attention/plan.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <thread>

namespace dra::test {
namespace {

template <class T> void run(const Plan& plan, const Inputs<T>& inputs, Attention<T>& into, Workspace<T>& workspace) {
    dra::run<T>(plan, inputs.q, inputs.k, inputs.v, into.out, into.lse, workspace);
}

/// Several waves of views, of many sizes: short segments beside long ones, and grouped-query heads.
Question several_waves(std::uint64_t seed) {
    Question asked{{2, 700, 4, 8}, 2, {{3, 64, 700}, {1, 5, 2}}, seed};
    asked.configuration.mode = Mode::mixture;
    asked.configuration.causal = true;
    return asked;
}

TEST_CASE_TEMPLATE("a plan that is run again gives the oracle's result, and the same bits as one run once", T, float,
                   double) {
    double worst = 0;
    Index problems = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const Inputs<T> inputs(draw_question(SeededDraw(seed), {.tokens = 40}));
        const Plan plan = make_plan(inputs.problem);
        Workspace<T> workspace(plan);
        const Attention<T> once = dilated_attention<T>(inputs.problem, inputs.q, inputs.k, inputs.v);
        for (int again = 0; again < 3; ++again) {
            Attention<T> result = poisoned<T>(inputs.problem);
            run(plan, inputs, result, workspace);
            CHECK(same(result, once));
        }
        worst = std::max(worst, error_ratios(inputs.problem, inputs.truth(), once).forward());
        ++problems;
    }
    MESSAGE(problems, " problems, largest error ratio ", worst);
    CHECK(worst <= forward_bound);
}

TEST_CASE("what a run left in a workspace does not reach the next, other inputs included") {
    const Inputs<float> one(several_waves(1)), other(several_waves(2));
    const Plan plan = make_plan(one.problem);
    Workspace<float> shared(plan);
    for (const Inputs<float>* inputs : {&one, &other, &one}) {
        Workspace<float> fresh(plan);
        Attention<float> expected = poisoned<float>(plan.problem), result = poisoned<float>(plan.problem);
        run(plan, *inputs, expected, fresh);
        run(plan, *inputs, result, shared);
        CHECK(same(result, expected));
    }
}

TEST_CASE("one plan is run by several threads at a time, with a workspace each") {
    constexpr int threads = 4, runs = 5;
    const int before = omp_get_max_threads();
    omp_set_num_threads(2); // of each
    const Plan plan = make_plan(Inputs<float>(several_waves(0)).problem);
    CHECK(plan.threads == 2);
    std::vector<int> right(threads, 0);
    std::vector<std::thread> team;
    for (int t = 0; t < threads; ++t)
        team.emplace_back([&plan, &mine = right[static_cast<std::size_t>(t)], t] {
            const Inputs<float> inputs(several_waves(static_cast<std::uint64_t>(t)));
            Workspace<float> workspace(plan);
            const Attention<float> expected = dilated_attention<float>(plan.problem, inputs.q, inputs.k, inputs.v);
            for (int again = 0; again < runs; ++again) {
                Attention<float> result = poisoned<float>(plan.problem);
                run(plan, inputs, result, workspace);
                mine += same(result, expected);
            }
        });
    for (std::thread& thread : team) thread.join();
    omp_set_num_threads(before);
    for (const int mine : right) CHECK(mine == runs);
}

TEST_CASE("a plan may be copied, and outlives what it was made of") {
    const Inputs<double> inputs(several_waves(3));
    const auto copy_of = [](const Problem& problem) {
        const Plan plan = make_plan(Problem(problem));
        return Plan(plan);
    };
    const Plan plan = copy_of(inputs.problem);
    Workspace<double> first(plan), workspace = std::move(first);
    Attention<double> result = poisoned<double>(plan.problem);
    run(plan, inputs, result, workspace);
    CHECK(same(result, dilated_attention<double>(inputs.problem, inputs.q, inputs.k, inputs.v)));
}

} // namespace
} // namespace dra::test
