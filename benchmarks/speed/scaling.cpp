#include "benchmarks/speed/scaling.hpp"

#include "benchmarks/measuring/available_memory.hpp"
#include "benchmarks/measuring/statistics.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"

#include <cmath>
#include <cstring>
#include <limits>

namespace dra::benchmarks {
namespace {

constexpr Index heads = 4, head_dim = 64, times = longer_tokens / shorter_tokens;
constexpr Shape shape_of(Index tokens) { return {1, tokens, heads, head_dim}; }

/// q, k, v, and where the result goes.
struct Sequence {
    Tensor<float> q, k, v;
    Problem problem =
        validate({.segment_lengths = {2048, 8192}, .dilation_rates = {1, 4}, .causal = true}, info<float>({q, k, v}));
    Attention<float> result{Tensor<float>(problem.q_shape(), std::numeric_limits<float>::quiet_NaN()),
                            Lse<float>(1, heads, problem.tokens)};

    void run() { dilated_attention<float>(problem, {q, k, v}, result); }
    Allocations count() {
        AllocationCount counter;
        run();
        return counter.stop();
    }
};

Tensor<float> repeated(const Tensor<float>& x) {
    Tensor<float> longer(shape_of(longer_tokens));
    for (Index i = 0; i < times; ++i) longer.flat().segment(i * x.size(), x.size()) = x.flat();
    return longer;
}

bool same_bits(const float* a, const float* b, Index count) {
    return std::memcmp(a, b, static_cast<std::size_t>(count) * sizeof(float)) == 0;
}

bool is_repetition(const Attention<float>& longer, const Attention<float>& shorter) {
    bool same = true;
    for (Index i = 0; i < times; ++i) {
        same = same && same_bits(longer.out.data() + i * shorter.out.size(), shorter.out.data(), shorter.out.size());
        for (Index h = 0; h < heads; ++h)
            same = same && same_bits(&longer.lse(0, h, i * shorter_tokens), &shorter.lse(0, h, 0), shorter_tokens);
    }
    return same;
}

/// Judged with c = 1 and a floor of 1 for lse, the strictest that tolerance.hpp knows.
double error_ratio(const Sequence& sequence) {
    const Tensor<double> q = sequence.q.cast<double>(), k = sequence.k.cast<double>(), v = sequence.v.cast<double>();
    const Oracle truth{dilated_attention<double>(sequence.problem, {q, k, v}), {}, std::vector<Magnitudes>(heads)};
    return error_ratios(sequence.problem, truth, sequence.result).forward();
}

} // namespace

double Scaling::growth() const { return spread(longer).median / spread(shorter).median / static_cast<double>(times); }

Scaling scaling(const Progress& progress) {
    constexpr double needed = 4.5e9;
    if (const auto available = available_bytes(); available && *available < needed)
        throw InputError("memory", std::to_string(*available * 1e-9) + " GB available", "must be at least 4.5 GB");
    progress("preparing");
    const Shape shape = shape_of(shorter_tokens);
    Sequence shorter{random_normal<float>(shape, 1), random_normal<float>(shape, 2), random_normal<float>(shape, 3)};
    Sequence longer{repeated(shorter.q), repeated(shorter.k), repeated(shorter.v)};

    progress("verifying");
    Scaling found;
    shorter.run();
    longer.run();
    found.error_ratio = error_ratio(shorter);
    found.right = found.error_ratio <= forward_bound && is_repetition(longer.result, shorter.result);
    if (!found.right) return found;
    found.of_shorter = shorter.count();
    found.of_longer = longer.count();
    std::vector<Samples> samples =
        time_interleaved({{"65536 tokens", [&] { shorter.run(); }}, {"1048576 tokens", [&] { longer.run(); }}},
                         {.repetitions = 5, .seconds_a_sample = 0.5}, progress);
    found.shorter = std::move(samples[0]);
    found.longer = std::move(samples[1]);
    return found;
}

} // namespace dra::benchmarks
