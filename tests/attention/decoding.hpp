#pragma once
/// \file
/// Decoding by a cache, and the results of prefixes that it must give again.

#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/kv_cache.hpp"
#include "tests/exhaustive.hpp"

namespace dra::test {

/// Tokens [begin, end) of a tensor.
template <class T> Tensor<T> part(const Tensor<T>& x, Index begin, Index end) {
    Shape shape = x.shape();
    shape.tokens = end - begin;
    Tensor<T> rows(shape);
    for (Index b = 0; b < shape.batch; ++b)
        for (Index h = 0; h < shape.heads; ++h) rows.view().rows(b, h) = x.view().rows(b, h, {begin, 1, shape.tokens});
    return rows;
}

/// Appends tokens [begin, end) of the inputs, and returns their attention.
template <class T> Attention<T> decode(KvCache<T>& cache, const RandomInputs<T>& inputs, Index begin, Index end) {
    Problem step = inputs.problem;
    step.tokens = end - begin;
    Attention<T> result = poisoned<T>(step);
    cache.decode({part(inputs.q, begin, end), part(inputs.k, begin, end), part(inputs.v, begin, end)}, result);
    return result;
}

template <class T> void append(KvCache<T>& cache, const RandomInputs<T>& inputs, Index begin, Index end) {
    cache.append(part(inputs.k, begin, end), part(inputs.v, begin, end));
}

/// The causal result over the first `tokens` alone.
template <class T> Attention<T> of_prefix(const RandomInputs<T>& inputs, Index tokens) {
    Problem prefix = inputs.problem;
    prefix.tokens = tokens;
    return dilated_attention<T>(prefix,
                                {part(inputs.q, 0, tokens), part(inputs.k, 0, tokens), part(inputs.v, 0, tokens)});
}

/// Writes a step's result where it belongs in that of the whole sequence.
template <class T> void put(const Attention<T>& step, Index begin, Attention<T>& whole) {
    const auto [B, H, n] = step.lse.shape();
    for (Index b = 0; b < B; ++b)
        for (Index h = 0; h < H; ++h) {
            whole.out.view().rows(b, h, {begin, 1, n}) = step.out.view().rows(b, h);
            for (Index i = 0; i < n; ++i) whole.lse(b, h, begin + i) = step.lse(b, h, i);
        }
}

/// The last rows of a result, from position `begin` on.
template <class T> Attention<T> last_rows(const Attention<T>& whole, Index begin) {
    const auto [B, H, N] = whole.lse.shape();
    Attention<T> rows{part(whole.out, begin, N), Lse<T>(B, H, N - begin)};
    for (Index b = 0; b < B; ++b)
        for (Index h = 0; h < H; ++h)
            for (Index i = begin; i < N; ++i) rows.lse(b, h, i - begin) = whole.lse(b, h, i);
    return rows;
}

inline Question causal(Question asked) {
    asked.configuration.causal = true;
    return asked;
}

} // namespace dra::test
