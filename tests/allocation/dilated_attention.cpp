#include "reference/attention/dilated_attention.hpp"
#include "benchmarks/measuring/allocations.hpp"
#include "reference/definition/random.hpp"

#include <doctest/doctest.h>

namespace dra {
namespace {

/// What a second call asks for, its outputs being there.
benchmarks::Allocations allocations_of_a_call(Index tokens) {
    const Shape shape{1, tokens, 2, 16};
    const Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                        v = random_normal<float>(shape, 3);
    const Problem problem =
        validate({.segment_lengths = {512, 2048}, .dilation_rates = {1, 4}, .causal = true}, info<float>({q, k, v}));
    Attention<float> result = dilated_attention<float>(problem, {q, k, v});
    benchmarks::AllocationCount count;
    dilated_attention<float>(problem, {q, k, v}, result);
    return count.stop();
}

TEST_CASE("memory beyond the tensors does not grow with the number of tokens") {
    constexpr Index wave = 16384; // rows packed at a time
    const benchmarks::Allocations shorter = allocations_of_a_call(2 * wave), longer = allocations_of_a_call(8 * wave);
    MESSAGE("peak bytes at " << 2 * wave << " tokens " << shorter.peak_bytes << ", at " << 8 * wave << " "
                             << longer.peak_bytes);
    CHECK(shorter.peak_bytes > 0);
    CHECK(longer.peak_bytes <= shorter.peak_bytes + shorter.peak_bytes / 10);
    CHECK(longer.peak_bytes < 8 * wave * 2 * 16 * 4); // one tensor
}

} // namespace
} // namespace dra
