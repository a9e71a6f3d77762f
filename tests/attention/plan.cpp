#include "reference/attention/plan.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <thread>

namespace dra::test {
namespace {

template <class T>
void run(const Plan& plan, const RandomInputs<T>& inputs, Attention<T>& into, Workspace<T>& workspace) {
    dra::dilated_attention<T>(plan, inputs, into, workspace);
}

/// Views of many sizes: short segments beside long ones, and grouped-query heads.
Question many_views(std::uint64_t seed) {
    Question asked{{2, 700, 4, 8}, 2, {{3, 64, 700}, {1, 5, 2}}, seed};
    asked.configuration.mode = Mode::mixture;
    asked.configuration.causal = true;
    return asked;
}

/// A plan whose waves have at most so many views.
Plan plan_of(const Problem& problem, Index views_a_wave) {
    Plan plan = make_plan(problem);
    for (Index& size : plan.wave_size) size = std::min(size, views_a_wave);
    return plan;
}

TEST_CASE_TEMPLATE("a plan that is run again gives the oracle's result, and the same bits as one run once", T, float,
                   double) {
    double worst = 0;
    Index problems = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const RandomInputs<T> inputs(draw_question(SeededDraw(seed), {.tokens = 40}));
        const Plan plan = make_plan(inputs.problem);
        Workspace<T> workspace(plan);
        const Attention<T> once = dilated_attention<T>(inputs.problem, inputs);
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
    const RandomInputs<float> one(many_views(1)), other(many_views(2));
    const Plan plan = plan_of(one.problem, 7);
    Workspace<float> shared(plan);
    for (const RandomInputs<float>* inputs : {&one, &other, &one}) {
        Workspace<float> fresh(plan);
        Attention<float> expected = poisoned<float>(plan.problem), result = poisoned<float>(plan.problem);
        run(plan, *inputs, expected, fresh);
        run(plan, *inputs, result, shared);
        CHECK(same(result, expected));
    }
}

TEST_CASE_TEMPLATE("views in waves of any size give the same bits, and no row beside them is written", T, float,
                   double) {
    Question asked = many_views(4);
    const Problem problem = RandomInputs<T>(asked).problem;
    ++asked.q.batch; // a batch beside the problem's
    const RandomInputs<T> inputs(asked);
    const auto of_problem = [](const auto& x, Shape shape) { return TensorView<const T>(x.data(), shape); };
    const auto run_in_waves = [&](Index views) {
        Attention<T> result = poisoned<T>(problem);
        Tensor<T> out(asked.q, std::numeric_limits<T>::quiet_NaN());
        const Plan plan = plan_of(problem, views);
        Workspace<T> workspace(plan);
        dilated_attention<T>(plan,
                             {of_problem(inputs.q, problem.q_shape()), of_problem(inputs.k, problem.kv_shape()),
                              of_problem(inputs.v, problem.kv_shape())},
                             {{out.data(), problem.q_shape()}, result.lse}, workspace);
        result.out.flat() = out.flat().head(result.out.size());
        CHECK(out.flat().tail(out.size() - result.out.size()).isNaN().all());
        return result;
    };
    const Attention<T> expected = run_in_waves(1000);
    for (const Index views : {1, 2, 5, 100}) CHECK(same(run_in_waves(views), expected));
}

TEST_CASE("one plan is run by several threads at a time, with a workspace each") {
    constexpr int threads = 4, runs = 5;
    const int before = omp_get_max_threads();
    omp_set_num_threads(2); // of each
    const Plan plan = make_plan(RandomInputs<float>(many_views(0)).problem);
    CHECK(plan.threads == 2);
    std::vector<int> right(threads, 0);
    std::vector<std::thread> team;
    for (int t = 0; t < threads; ++t)
        team.emplace_back([&plan, &mine = right[t], t] {
            const RandomInputs<float> inputs(many_views(static_cast<std::uint64_t>(t)));
            Workspace<float> workspace(plan);
            const Attention<float> expected = dilated_attention<float>(plan.problem, inputs);
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
    const RandomInputs<double> inputs(many_views(3));
    const auto copy_of = [](const Problem& problem) {
        const Plan plan = make_plan(Problem(problem));
        return Plan(plan);
    };
    const Plan plan = copy_of(inputs.problem);
    Workspace<double> first(plan), workspace = std::move(first);
    Attention<double> result = poisoned<double>(plan.problem);
    run(plan, inputs, result, workspace);
    CHECK(same(result, dilated_attention<double>(inputs.problem, inputs)));
}

} // namespace
} // namespace dra::test
