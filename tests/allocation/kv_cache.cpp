#include "reference/attention/kv_cache.hpp"
#include "benchmarks/measuring/allocations.hpp"
#include "reference/definition/random.hpp"

#include <doctest/doctest.h>

namespace dra {
namespace {

using benchmarks::AllocationCount;
using benchmarks::Allocations;

/// Decodes a sequence token by token; what its cache asked for, and what the steps asked for.
std::pair<Allocations, Allocations> allocations_of(Index tokens) {
    const Shape q_shape{2, 1, 4, 16}, kv_shape{2, 1, 2, 16};
    const Tensor<float> q = random_normal<float>(q_shape, 1), k = random_normal<float>(kv_shape, 2),
                        v = random_normal<float>(kv_shape, 3);
    Problem problem =
        validate({.segment_lengths = {64, 256}, .dilation_rates = {1, 4}, .mode = Mode::mixture, .causal = true},
                 info<float>({q, k, v}));
    problem.tokens = tokens;
    Tensor<float> out(q_shape);
    Lse<float> lse(2, 4, 1);

    AllocationCount of_cache;
    KvCache<float> cache(problem);
    const Allocations made = of_cache.stop();
    cache.decode({q, k, v}, {out, lse}); // OpenMP starts its team
    AllocationCount of_steps;
    for (Index t = 1; t < tokens; ++t) cache.decode({q, k, v}, {out, lse});
    return {made, of_steps.stop()};
}

TEST_CASE("a step allocates nothing, and memory does not grow with the number of tokens") {
    const auto [shorter, steps] = allocations_of(512);
    const auto [longer, more_steps] = allocations_of(5120);
    MESSAGE("a cache for 512 tokens: ", shorter.bytes, " bytes, for 5120: ", longer.bytes);
    CHECK(steps.number == 0);
    CHECK(more_steps.number == 0);
    CHECK(shorter.bytes > 0);
    CHECK(longer.bytes == shorter.bytes);
}

} // namespace
} // namespace dra
