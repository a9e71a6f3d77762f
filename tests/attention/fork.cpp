#include "reference/attention/kv_cache.hpp"
#include "reference/definition/half_precision.hpp"
#include "tests/both_ways.hpp"

#include <doctest/doctest.h>
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dra::test {
namespace {

constexpr unsigned patience = 20; // seconds, for calls of milliseconds

/// Whether a child of fork() ends by itself, finding that holds().
template <class Holds> bool in_child(const Holds& holds) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(patience);
        const auto unless_thrown = [&]() noexcept { return holds(); };
        _exit(unless_thrown() ? 0 : 1);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Teams of three, also on a machine with fewer cores, while it lives.
class TeamsOfThree {
public:
    TeamsOfThree() { omp_set_num_threads(3); }
    ~TeamsOfThree() { omp_set_num_threads(before_); }

private:
    int before_ = omp_get_max_threads();
};

/// More tokens than the oracle does alone.
Question asked() {
    Question question{{2, 200, 4, 8}, 2, {{16, 200}, {1, 3}}, 7};
    question.configuration.causal = true;
    return question;
}

/// Its first token, decoded.
Attention<float> decoded(const RandomInputs<float>& inputs, KvCache<float>& cache) {
    Shape one = inputs.q.shape(), one_kv = inputs.k.shape();
    one.tokens = one_kv.tokens = 1;
    Attention<float> result{Tensor<float>(one), Lse<float>(one.batch, one.heads, 1)};
    const TensorView<const float> q(inputs.q.data(), one), k(inputs.k.data(), one_kv), v(inputs.v.data(), one_kv);
    cache.decode({q, k, v}, result);
    return result;
}

TEST_CASE("a child of fork() computes what its parent did, bit for bit, and does not wait for threads it has not") {
    const TeamsOfThree teams;
    const GradientInputs<float> inputs(asked());
    const Problem& problem = inputs.problem;
    const auto engine = [&] { return run(inputs); };
    const auto ring = [&] { return run_ring(inputs); };
    const auto rounded = [&] { return rounding_oracle<half>(problem, inputs); };

    const Plan plan = make_plan(problem);
    CHECK(plan.threads == 3);
    Workspace<float> workspace(plan);
    const auto planned = [&] {
        Attention<float> result = poisoned<float>(problem);
        dra::dilated_attention<float>(plan, inputs, result, workspace);
        return result;
    };
    KvCache<float> cache(problem), same_cache(problem);

    const auto by_engine = engine(), by_ring = ring();
    const auto by_plan = planned(), by_cache = decoded(inputs, cache);
    const Oracle by_oracle = inputs.truth();
    const Tensor<double> by_rounding = rounded();

    CHECK(in_child([&] { return same(engine().forward, by_engine.forward); }));
    CHECK(in_child([&] { return same(engine().backward, by_engine.backward); }));
    CHECK(in_child([&] { return same(ring().forward, by_ring.forward); }));
    CHECK(in_child([&] { return same(ring().backward, by_ring.backward); }));
    CHECK(in_child([&] { return same(planned(), by_plan); }));
    CHECK(in_child([&] { return same(decoded(inputs, same_cache), by_cache); }));
    CHECK(in_child([&] { return same(inputs.truth().attention, by_oracle.attention); }));
    CHECK(in_child([&] { return same(inputs.truth().gradients.value(), by_oracle.gradients.value()); }));
    CHECK(in_child([&] { return (rounded().flat() == by_rounding.flat()).all(); }));
    CHECK(in_child([&] { return in_child([&] { return same(engine().forward, by_engine.forward); }); }));
    CHECK(same(engine().forward, by_engine.forward)); // and the parent goes on
}

} // namespace
} // namespace dra::test
