#include "reference/published/isolated.hpp"
#include "reference/published/opportunity_6_memory_pool.hpp"
#include "reference/published/opportunity_7_pattern_caching.hpp"
#include "reference/published/opportunity_8_compiled_hot_path.hpp"
#include "reference/published/opportunity_9_kv_cache.hpp"

namespace dra::published {
namespace {

/// Memory for the result of a problem.
template <class T> struct Result {
    Attention<T> attention;
    Counts counts{};

    explicit Result(const Problem& problem)
        : attention{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)} {}

    void poison() {
        attention.out.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
        attention.lse.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
    }
};

/// Attention of the whole problem: opportunities 6, 7 and 8.
template <class T>
IsolatedTopic whole_problem(const Call<T>& call, const Problem& problem, const InputsView<T>& inputs) {
    IsolatedTopic isolated{};
    if (!call) {
        isolated.absent = "none was published";
        return isolated;
    }
    const auto result = std::make_shared<Result<T>>(problem);
    isolated.run = [=] { result->counts = call({inputs, result->attention}); };
    isolated.counts = [result] { return result->counts; };
    isolated.verify = [=, run = isolated.run](const Oracle& oracle) {
        result->poison();
        run();
        const ErrorRatios ratios = error_ratios(problem, oracle, result->attention);
        return Verification{ratios.within_bounds(), ratios.forward()};
    };
    return isolated;
}

/// The last token of the truth, by the magnitudes of all.
Oracle last_token_of(const Oracle& oracle, const Problem& problem) {
    const Index last = problem.tokens - 1;
    Oracle token{{opportunity_9::tokens_of<double>(oracle.attention.out, last, 1), {problem.batch, problem.heads, 1}},
                 {},
                 oracle.magnitudes};
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h) token.attention.lse(b, h, 0) = oracle.attention.lse(b, h, last);
    return token;
}

/// The last token of the problem, decoded: opportunity 9.
template <class T> IsolatedTopic last_token(Rung rung, const Problem& problem, const InputsView<T>& inputs) {
    IsolatedTopic isolated{};
    if (!problem.causal) {
        isolated.absent = "nothing to do: not causal, nothing is decoded";
        return isolated;
    }
    struct LastToken {
        std::unique_ptr<opportunity_9::Decoder<T>> decoder;
        Inputs<T> inputs;
        Result<T> result;
    };
    Problem token = problem;
    token.tokens = 1;
    const Index last = problem.tokens - 1;
    const auto decoded = std::make_shared<LastToken>(
        LastToken{opportunity_9::decoder(rung, problem, inputs),
                  {opportunity_9::tokens_of(inputs.q, last, 1), opportunity_9::tokens_of(inputs.k, last, 1),
                   opportunity_9::tokens_of(inputs.v, last, 1)},
                  Result<T>(token)});
    isolated.prepare = [decoded] { decoded->decoder->prepare(); };
    isolated.run = [decoded] {
        decoded->result.counts = decoded->decoder->decode({decoded->inputs, decoded->result.attention});
    };
    isolated.counts = [decoded] { return decoded->result.counts; };
    isolated.verify = [decoded, problem, token, prepare = isolated.prepare, run = isolated.run](const Oracle& oracle) {
        decoded->result.poison();
        prepare();
        run();
        const ErrorRatios ratios = error_ratios(token, last_token_of(oracle, problem), decoded->result.attention);
        return Verification{ratios.within_bounds(), ratios.forward()};
    };
    return isolated;
}

} // namespace

template <class T>
IsolatedTopic whole_call(Topic opportunity, Rung rung, const Problem& problem, const InputsView<T>& inputs) {
    switch (opportunity) {
    case Topic::memory_pool: return whole_problem(opportunity_6::call<T>(rung, problem), problem, inputs);
    case Topic::pattern_caching: return whole_problem(opportunity_7::call<T>(rung, problem), problem, inputs);
    case Topic::compiled_hot_path: return whole_problem(opportunity_8::call<T>(rung, problem), problem, inputs);
    default: return last_token(rung, problem, inputs);
    }
}

template IsolatedTopic whole_call(Topic, Rung, const Problem&, const InputsView<float>&);
template IsolatedTopic whole_call(Topic, Rung, const Problem&, const InputsView<double>&);

} // namespace dra::published
