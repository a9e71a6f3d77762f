#include "reference/published/isolated.hpp"

#include "reference/published/fix_2_discarded_attention.hpp"
#include "reference/published/isolated_opportunity.hpp"
#include "reference/published/pipeline.hpp"

#include <memory>

namespace dra::published {

namespace {

constexpr const char* not_causal = "nothing to do: not causal, there is no mask";

/// Pairs (query, key) of the whole sequence that causality allows, asked one by one, for every pattern.
Index allowed_pairs(const Problem& problem) {
    Index pairs = 0;
    for (Index i = 0; i < problem.tokens; ++i)
        for (Index j = 0; j < problem.tokens; ++j) pairs += j <= i;
    return pairs * problem.patterns();
}

/// Calls f(chunk, pattern) as the pipeline's loops do.
template <class F> void for_chunks_and_patterns(const Problem& problem, F f) {
    for (Index c = 0; c < problem.ranks; ++c) {
        const Interval tokens = chunk(c, problem.ranks, {0, problem.tokens});
        if (tokens.size() == 0) break;
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern) f(tokens, pattern);
    }
}

/// Fix 1: the mask of every chunk and pattern, made and dropped.
struct Masks {
    Problem problem;
    FillMask fill;
    Counts counts{};
    CausalMask mask{};

    template <class F> void each(F f) {
        counts = {};
        if (!problem.causal) return;
        for_chunks_and_patterns(problem, [&](const Interval& tokens, Index) {
            mask = {}; // never two at a time
            mask = fill(problem.tokens, tokens.size(), tokens.begin);
            counts.mask_elements += mask.elements();
            f(mask);
        });
        mask = {}; // and none into the next call, whose peak would miss it
    }
    Verification verify() {
        Index visible = 0;
        each([&](const CausalMask& m) { visible += m.visible_pairs(); });
        return {!problem.causal || visible == allowed_pairs(problem)};
    }
};

IsolatedTopic isolate_causal_mask(Rung rung, const Problem& problem) {
    constexpr PerRung<FillMask> fill{fix_1::before, fix_1::after, fix_1::principled};
    const auto masks = std::make_shared<Masks>(Masks{problem, fill[rung]});
    return {problem.causal ? "" : not_causal,
            false,
            [masks] { masks->each([](const CausalMask&) {}); },
            [] {},
            [masks] { return masks->counts; },
            [masks](const Oracle&) { return masks->verify(); },
            {}};
}

/// Fixes 2, 3 and 4: the attention of the whole problem as one chunk.
template <class T> struct OneChunk {
    Pipeline<T> pipeline;
    InputsView<T> inputs;
    Attention<T> result;

    void run() { pipeline.run_without_ring(inputs, result); }
    ErrorRatios judge(const Problem& problem, const Oracle& oracle) {
        result.out.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
        result.lse.flat().setConstant(std::numeric_limits<T>::quiet_NaN());
        run();
        return error_ratios(problem, oracle, result);
    }
};

template <class T>
IsolatedTopic isolate_attention(Fix fix, Rung rung, const Problem& problem, const InputsView<T>& inputs) {
    const auto made = [=](LostSum lost_sum) {
        return std::make_shared<OneChunk<T>>(
            OneChunk<T>{Pipeline<T>(problem, Rungs(Rung::principled).with(fix, rung), lost_sum),
                        inputs,
                        {Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)}});
    };
    const auto one = made(LostSum::restored);
    IsolatedTopic isolated{"",
                           false,
                           [one] { one->run(); },
                           [] {},
                           [one] { return one->pipeline.counts(); },
                           [one, problem](const Oracle& oracle) {
                               const ErrorRatios ratios = one->judge(problem, oracle);
                               return Verification{ratios.within_bounds(), ratios.forward()};
                           },
                           {}};
    if (fix == Fix::double_computation && rung == Rung::after)
        isolated.as_published = [made, problem](const Oracle& oracle) {
            return made(LostSum::as_published)->judge(problem, oracle);
        };
    return isolated;
}

/// Fix 5: what a pipeline call asks the keeper for, and the index lists that nobody keeps.
struct CacheRequests {
    Problem problem;
    Rung rung;
    std::unique_ptr<Keeper> keeper{};
    Counts counts{};
    Index visible = 0, selected = 0, heads = 0;

    void forget() {
        switch (rung) {
        case Rung::before: keeper = fix_5::before(problem, fix_1::after); break;
        case Rung::after: keeper = fix_5::after(problem, fix_1::after); break;
        default: keeper = fix_5::principled(problem, fix_1::principled);
        }
    }
    void run(bool verifying = false) {
        counts = {};
        visible = selected = heads = 0;
        for_chunks_and_patterns(problem, [&](const Interval& tokens, Index pattern) {
            if (problem.causal) {
                const CausalMask& mask = keeper->mask(problem.tokens, tokens.size(), tokens.begin, counts);
                if (verifying) visible += mask.visible_pairs();
            }
            const Interval range = keeper->heads(pattern, counts);
            heads += range.end - range.begin;
            for (Index g = range.begin; g < range.end; ++g) select_rows(tokens, pattern_of(problem, pattern, g));
        });
        keeper->forget_current();
        counts.mask_bytes_kept = keeper->mask_bytes_kept();
    }
    void select_rows(const Interval& tokens, const Pattern& pattern) {
        const Index w = pattern.segment_length;
        for (Index s = tokens.begin / w; s * w < tokens.end; ++s) {
            const Positions queries = pattern.selected(s, problem.tokens),
                            keys = queries.within(tokens.begin, tokens.end);
            const Index end = std::min((s + 1) * w, problem.tokens);
            fix_2::select(lists(), queries, end - s * w, counts);
            selected += fix_2::select(lists(), keys.relative_to(tokens.begin),
                                      std::min(end, tokens.end) - std::max(s * w, tokens.begin), counts)
                            .positions.count;
        }
    }
    Rung lists() const { return rung == Rung::principled ? rung : Rung::after; }

    /// Twice, so that what is kept is judged too.
    Verification verify() {
        Index users = 0, rows = 0;
        for (Index g = 0; g < problem.kv_heads; ++g)
            for (Index i = 0; i < problem.patterns(); ++i) {
                if (!uses(problem, i, g)) continue;
                const Pattern p = pattern_of(problem, i, g);
                ++users;
                for (Index n = 0; n < problem.tokens; ++n) {
                    const Index within = n % p.segment_length;
                    rows += within >= p.phase && (within - p.phase) % p.dilation_rate == 0;
                }
            }
        Index chunks = 0;
        for_chunks_and_patterns(problem, [&](const Interval&, Index pattern) { chunks += pattern == 0; });
        bool right = true;
        for (int call = 0; call < 2; ++call) {
            run(true);
            right = right && selected == rows && heads == users * chunks &&
                    (!problem.causal || visible == allowed_pairs(problem));
        }
        return {right};
    }
};

IsolatedTopic isolate_caching(Rung rung, const Problem& problem) {
    const auto cache_requests = std::make_shared<CacheRequests>(CacheRequests{problem, rung});
    cache_requests->forget();
    return {problem.causal ? "" : std::string(not_causal) + " to keep, head groups alone",
            rung == Rung::after,
            [cache_requests] { cache_requests->run(); },
            [cache_requests] { cache_requests->forget(); },
            [cache_requests] { return cache_requests->counts; },
            [cache_requests](const Oracle&) { return cache_requests->verify(); },
            {}};
}

} // namespace

template <class T> IsolatedTopic isolate(Topic topic, Rung rung, const Problem& problem, const InputsView<T>& inputs) {
    if (!is_fix(topic)) return isolate_opportunity<T>(topic, rung, problem);
    switch (topic) {
    case Fix::causal_mask: return isolate_causal_mask(rung, problem);
    case Fix::caching: return isolate_caching(rung, problem);
    default: return isolate_attention(topic, rung, problem, inputs);
    }
}

template IsolatedTopic isolate(Topic, Rung, const Problem&, const InputsView<float>&);
template IsolatedTopic isolate(Topic, Rung, const Problem&, const InputsView<double>&);

} // namespace dra::published
