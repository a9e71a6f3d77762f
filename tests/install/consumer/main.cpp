/// \file
/// Another program's use of the library: attention of a small problem, held against the oracle's. Exits 1 if they
/// differ.

#include "reference/reference.hpp"

#include <cstdio>

/// The error ratio of both engines for elements of type T.
template <class T> double error_ratio() {
    const dra::Shape q_shape{2, 75, 4, 24}, kv_shape{2, 75, 2, 24};
    const auto q = dra::random_normal<T>(q_shape, 1), k = dra::random_normal<T>(kv_shape, 2),
               v = dra::random_normal<T>(kv_shape, 3);
    dra::Configuration configuration;
    configuration.segment_lengths = {16, 40};
    configuration.dilation_rates = {1, 3};
    configuration.mode = dra::Mode::mixture;
    configuration.causal = true;
    configuration.ranks = 3;
    const dra::Problem problem = dra::validate(configuration, dra::info<T>({q, k, v}));

    const dra::Oracle oracle = dra::oracle<T>(problem, {q, k, v});
    const auto here = dra::error_ratios(problem, oracle, dra::dilated_attention<T>(problem, {q, k, v}));
    const auto ring = dra::error_ratios(problem, oracle, dra::ring_attention<T>(problem, {q, k, v}));
    return std::max(here.forward(), ring.forward());
}

int main() {
    const double single = error_ratio<float>(), precise = error_ratio<double>();
    std::printf("error ratio: float %.3g, double %.3g, bound %g\n", single, precise, dra::forward_bound);
    return single <= dra::forward_bound && precise <= dra::forward_bound ? 0 : 1;
}
