#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/attention/kv_cache.hpp"
#include "reference/attention/plan.hpp"
#include "reference/definition/half_precision.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>
#include <omp.h>

#include <chrono>
#include <filesystem>

namespace dra::test {
namespace {

/// What OpenMP would give, for as long as it lives.
class ManyThreads {
public:
    explicit ManyThreads(int threads) { omp_set_num_threads(threads); }
    ~ManyThreads() { omp_set_num_threads(before_); }

private:
    int before_ = omp_get_max_threads();
};

/// Threads of this process: OpenMP keeps those of the last team.
Index threads_alive() {
    Index threads = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++threads;
    return threads;
}

constexpr int offered = 300; // more than any of these has work for

Question few_tokens() {
    Question asked{{1, 80, 2, 8}, 1, {{80, 16}, {1, 2}}, 3};
    asked.configuration.causal = true;
    return asked;
}

TEST_CASE("a plan has no more threads than panels of queries, whatever OpenMP offers") {
    const auto threads_of = [](Index tokens, Index w) {
        return make_plan(RandomInputs<float>(Question{{1, tokens, 2, 8}, 1, {{w}, {1}}, 3}).problem).threads;
    };
    const ManyThreads many(20'000);
    MESSAGE("threads of 64 tokens in one segment: ", threads_of(64, 64), ", in 64: ", threads_of(64, 1));
    CHECK(threads_of(1, 1) <= 2);
    CHECK(threads_of(64, 64) <= 64);
    CHECK(threads_of(64, 1) == 2 * 64);
    CHECK(threads_of(40'000, 1) == 20'000); // there is work for all of them
}

TEST_CASE("no loop starts threads that find nothing to do") {
    const RandomInputs<float> given(few_tokens());
    const Tensor<float> dout = random_normal<float>(given.problem.q_shape(), 5);
    Attention<float> result = dilated_attention<float>(given.problem, given);
    KvCache<float> cache(given.problem);
    const Index before = threads_alive();
    const auto check = [&](const std::string& what, const auto& run) {
        const ManyThreads many(offered);
        run();
        MESSAGE(what, ": ", threads_alive(), " threads, ", before, " before");
        CHECK(threads_alive() < before + offered / 3);
    };
    check("oracle", [&] { oracle<float>(given.problem, given, dout.view()); });
    check("rounding oracle", [&] { rounding_oracle<bfloat16>(given.problem, given); });
    check("engine", [&] { dilated_attention<float>(given.problem, given); });
    check("gradient", [&] { dilated_attention_gradient<float>(given.problem, given, result, dout); });
    check("cache", [&] { KvCache<float>(given.problem).decode(given, result); });
}

/// Seconds of the quicker of two runs.
double seconds(const RandomInputs<float>& given) {
    double quicker = 1e9;
    for (int run = 0; run < 2; ++run) {
        const auto start = std::chrono::steady_clock::now();
        dilated_attention<float>(given.problem, given);
        quicker = std::min(quicker, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return quicker;
}

TEST_CASE("many heads of one token take about as long as one head of as many tokens that see themselves") {
    constexpr Index many = 30'000;
    const double heads = seconds(RandomInputs<float>(Question{{1, 1, many, 4}, many, {{1}, {1}}, 1})),
                 tokens = seconds(RandomInputs<float>(Question{{1, many, 1, 4}, 1, {{1}, {1}}, 1}));
    MESSAGE(many, " heads ", heads, " s, as many tokens ", tokens, " s");
    CHECK(heads < 20 * tokens);
}

} // namespace
} // namespace dra::test
