#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/attention/panel.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <thread>

namespace dra::test {
namespace {

/// Several waves of views, of many sizes, each of several query blocks at most: short segments beside long ones, and
/// grouped-query heads.
Question several_waves(std::uint64_t seed, Mode mode = Mode::mixture, bool causal = true) {
    Question asked{{1, 700, 4, 8}, 2, {{3, 64, 700}, {1, 5, 2}}, seed};
    asked.configuration.mode = mode;
    asked.configuration.causal = causal;
    asked.configuration.stop_gradient_mixing = seed % 2 == 1;
    return asked;
}

template <class T> Attention<T> forward(const GradientInputs<T>& inputs) {
    return dilated_attention<T>(inputs.problem, inputs);
}

/// Into poisoned memory.
template <class T> Gradients<T> run_gradient(const Plan& plan, const GradientInputs<T>& inputs,
                                             const Attention<T>& result, GradientWorkspace<T>& workspace) {
    Gradients<T> into = poisoned_gradients<T>(plan.problem);
    dra::dilated_attention_gradient<T>(plan, inputs, result, inputs.dout, into, workspace);
    return into;
}

TEST_CASE_TEMPLATE("gradients of a plan that is run again are the oracle's, and the same bits each time", T, float,
                   double) {
    double worst = 0;
    Index problems = 0;
    for (const Mode mode : {Mode::groups, Mode::mixture})
        for (const bool causal : {false, true})
            for (std::uint64_t seed = 0; seed < (mode == Mode::mixture ? 2 : 1); ++seed) {
                const GradientInputs<T> inputs(several_waves(seed, mode, causal));
                const Attention<T> result = forward(inputs);
                const Plan plan = make_plan(inputs.problem);
                GradientWorkspace<T> workspace(plan);
                const Gradients<T> first = run_gradient(plan, inputs, result, workspace);
                for (int again = 0; again < 2; ++again)
                    CHECK(same(run_gradient(plan, inputs, result, workspace), first));
                worst =
                    std::max(worst, of_gradient_bound(error_ratios(inputs.problem, inputs.truth(), result, &first)));
                ++problems;
            }
    MESSAGE(problems, " problems, largest error ratio ", worst * gradient_bound);
    CHECK(worst <= 1);
}

TEST_CASE("what a run of the gradients left in a workspace does not reach the next, other inputs included") {
    const GradientInputs<float> one(several_waves(0)), other(several_waves(2));
    const Plan plan = make_plan(one.problem);
    GradientWorkspace<float> shared(plan);
    for (const GradientInputs<float>* inputs : {&one, &other, &one}) {
        GradientWorkspace<float> fresh(plan);
        const Attention<float> result = forward(*inputs);
        CHECK(same(run_gradient(plan, *inputs, result, shared), run_gradient(plan, *inputs, result, fresh)));
    }
}

TEST_CASE_TEMPLATE("gradients of views in waves of any size are the same bits, and the oracle's", T, float, double) {
    Question asked = several_waves(2);
    asked.q.batch = 2, asked.q.tokens = 300; // two query blocks in each of four heads
    const GradientInputs<T> inputs(asked);
    const Attention<T> result = forward(inputs);
    const Plan one_wave = make_plan(inputs.problem);
    GradientWorkspace<T> workspace(one_wave);
    const Gradients<T> expected = run_gradient(one_wave, inputs, result, workspace);
    CHECK(of_gradient_bound(error_ratios(inputs.problem, inputs.truth(), result, &expected)) <= 1);
    for (const Index views : {1, 7, 100}) {
        CAPTURE(views);
        Plan plan = one_wave;
        for (GradientWave& wave : plan.gradient_waves) wave.views = std::min(wave.views, views);
        GradientWorkspace<T> smaller(plan);
        CHECK(same(run_gradient(plan, inputs, result, smaller), expected));
    }
}

TEST_CASE("views are cut into parts where they are few and long, and no part has less than a query block of queries") {
    const auto parts_of = [](Index tokens, Index heads, Index segment_length) {
        const RandomInputs<float> inputs({{1, tokens, heads, 2}, 1, {{segment_length}, {1}}});
        const Index parts = make_plan(inputs.problem).gradient_waves[0].parts;
        CHECK((parts - 1) * kernel::query_block<float> < heads * segment_length);
        return parts;
    };
    CHECK(parts_of(4000, 1, 4000) > 1);
    CHECK(parts_of(200, 16, 200) > 1); // the query heads of a group have their queries together
    CHECK(parts_of(200, 1, 200) == 1);
    CHECK(parts_of(4000, 8, 40) == 1); // there are views enough for all cores
}

TEST_CASE("gradients of one plan are run by several threads at a time, with a workspace each") {
    constexpr int threads = 4, runs = 3;
    const int before = omp_get_max_threads();
    omp_set_num_threads(2); // of each
    const Plan plan = make_plan(GradientInputs<float>(several_waves(1)).problem);
    std::vector<int> right(threads, 0);
    std::vector<std::thread> team;
    for (int t = 0; t < threads; ++t)
        team.emplace_back([&plan, &mine = right[t], t] {
            const GradientInputs<float> inputs(several_waves(static_cast<std::uint64_t>(2 * t + 1)));
            const Attention<float> result = forward(inputs);
            const Gradients<float> expected =
                dilated_attention_gradient<float>(plan.problem, inputs, result, inputs.dout);
            GradientWorkspace<float> workspace(plan);
            for (int again = 0; again < runs; ++again)
                mine += same(run_gradient(plan, inputs, result, workspace), expected);
        });
    for (std::thread& thread : team) thread.join();
    omp_set_num_threads(before);
    for (const int mine : right) CHECK(mine == runs);
}

} // namespace
} // namespace dra::test
