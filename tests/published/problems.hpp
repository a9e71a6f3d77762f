#pragma once
/// \file
/// Problems on random tensors with their oracle, and calls of the pipeline on poisoned outputs.

#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"
#include "reference/published/pipeline.hpp"

#include <vector>

namespace dra::published::test {

/// Sizes and configuration of a problem, in the order in which they are written down.
struct Question {
    Index batch, tokens, heads, kv_heads, head_dim;
    std::vector<Index> segment_lengths, dilation_rates;
    Mode mode;
    PhaseRule phase;
    bool causal;
    Index ranks;
};

/// A problem, its tensors and the truth about them.
template <class T> struct PosedProblem : Inputs<T> {
    Problem problem;
    Oracle truth;
};

template <class T> PosedProblem<T> pose(const Question& asked, std::uint64_t seed = 1) {
    const Shape kv{asked.batch, asked.tokens, asked.kv_heads, asked.head_dim};
    Tensor<T> q = random_normal<T>({asked.batch, asked.tokens, asked.heads, asked.head_dim}, 3 * seed);
    Tensor<T> k = random_normal<T>(kv, 3 * seed + 1), v = random_normal<T>(kv, 3 * seed + 2);
    const Configuration configuration{.segment_lengths = asked.segment_lengths,
                                      .dilation_rates = asked.dilation_rates,
                                      .mode = asked.mode,
                                      .phase = asked.phase,
                                      .causal = asked.causal,
                                      .ranks = asked.ranks};
    const Problem problem = validate(configuration, info<T>({q, k, v}));
    Oracle truth = oracle<T>(problem, {q, k, v});
    return {{std::move(q), std::move(k), std::move(v)}, problem, std::move(truth)};
}

/// Outputs in which every element that is not written is noticed.
template <class T> Attention<T> poisoned(const Problem& problem) {
    Attention<T> result{Tensor<T>(problem.q_shape(), std::numeric_limits<T>::quiet_NaN()),
                        Lse<T>(problem.batch, problem.heads, problem.tokens)};
    result.lse.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
    return result;
}

/// One call of a pipeline, into poison.
template <class T> Attention<T> run(Pipeline<T>& pipeline, const PosedProblem<T>& posed) {
    Attention<T> result = poisoned<T>(posed.problem);
    pipeline.run(posed, result);
    return result;
}

template <class T> Attention<T> run(Rungs rungs, const PosedProblem<T>& posed) {
    Pipeline<T> pipeline(posed.problem, rungs);
    return run(pipeline, posed);
}

/// What the first call of a pipeline counts.
template <class T> Counts counts(Rungs rungs, const PosedProblem<T>& posed) {
    Pipeline<T> pipeline(posed.problem, rungs);
    run(pipeline, posed);
    return pipeline.counts();
}

/// The larger of the error ratios of out and lse.
template <class T> double forward_ratio(const PosedProblem<T>& posed, const Attention<T>& result) {
    return error_ratios(posed.problem, posed.truth, result).forward();
}

} // namespace dra::published::test
