#include "tests/attention/decoding.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace dra::test {
namespace {

/// Whether pattern i selects position n for KV head g, by division and remainder.
bool selects(const Problem& problem, Index pattern, Index g, Index n) {
    const Pattern p = pattern_of(problem, pattern, g);
    const Index in_segment = n % p.segment_length;
    return in_segment >= p.phase && (in_segment - p.phase) % p.dilation_rate == 0;
}

bool sees(const Problem& problem, Index pattern, Index g, Index i, Index j) {
    const Index w = problem.segment_lengths[pattern];
    return j <= i && i / w == j / w && selects(problem, pattern, g, i) && selects(problem, pattern, g, j);
}

/// Calls visit(pattern, g) for all that are used.
template <class Visit> void for_each_pattern_and_head(const Problem& problem, Visit visit) {
    for (Index i = 0; i < problem.patterns(); ++i)
        for (Index g = 0; g < problem.kv_heads; ++g)
            if (uses(problem, i, g)) visit(i, g);
}

/// Rows that any of the queries [begin, end) sees, asked pair by pair.
Index rows_seen(const Problem& problem, Index begin, Index end) {
    Index rows = 0;
    for_each_pattern_and_head(problem, [&](Index pattern, Index g) {
        for (Index j = 0; j < end; ++j) {
            bool seen = false;
            for (Index i = begin; i < end; ++i) seen = seen || sees(problem, pattern, g, i, j);
            rows += seen * problem.batch;
        }
    });
    return rows;
}

/// The rows among the first `tokens` that any later query sees.
Index rows_seen_later(const Problem& problem, Index tokens) {
    Index rows = 0;
    for_each_pattern_and_head(problem, [&](Index pattern, Index g) {
        for (Index j = 0; j < tokens; ++j) {
            bool seen = false;
            for (Index i = tokens; i < problem.tokens; ++i) seen = seen || sees(problem, pattern, g, i, j);
            rows += seen * problem.batch;
        }
    });
    return rows;
}

TEST_CASE("a step reads the rows that its tokens see, once each, and no other") {
    Index read = 0, dense = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SeededDraw draw(seed);
        const RandomInputs<float> inputs(causal(draw_question(draw)));
        const Problem& problem = inputs.problem;
        KvCache<float> cache(problem);
        CHECK(cache.rows_read() == 0);
        for (Index begin = 0; begin < problem.tokens;) {
            const Index end = std::min(begin + draw(1, 3), problem.tokens);
            decode(cache, inputs, begin, end);
            CHECK(cache.rows_read() == rows_seen(problem, begin, end));
            read += cache.rows_read();
            dense += problem.batch * problem.kv_heads * end;
            begin = end;
        }
    }
    MESSAGE(read, " rows read, where a dense cache reads ", dense);
    CHECK(read > 0);
    CHECK(read < dense);
}

TEST_CASE("rows that nobody sees again reach nothing, NaN included") {
    constexpr Index w = 12, r = 3;
    RandomInputs<float> inputs(causal({{1, 3 * w, 2, 4}, 2, {{w}, {r}, Mode::groups, PhaseRule::head}, 1}));
    const Attention<float> expected = dilated_attention<float>(inputs.problem, inputs);
    const auto spoil = [&](Index g, Index n) {
        inputs.k.view().rows(0, g).row(n).setConstant(std::numeric_limits<float>::quiet_NaN());
        inputs.v.view().rows(0, g).row(n).setConstant(std::numeric_limits<float>::quiet_NaN());
    };
    for (Index g = 0; g < 2; ++g)
        for (Index n = 0; n < 3 * w; ++n)
            if (n < w || !selects(inputs.problem, 0, g, n)) spoil(g, n);
    KvCache<float> cache(inputs.problem);
    append(cache, inputs, 0, w);
    for (Index t = w; t < 3 * w; ++t) {
        const Attention<float> step = decode(cache, inputs, t, t + 1);
        for (Index h = 0; h < 2; ++h) {
            CHECK(step.out.view().rows(0, h).row(0) == expected.out.view().rows(0, h).row(t));
            CHECK(step.lse(0, h, 0) == expected.lse(0, h, t));
        }
    }
}

TEST_CASE("what is kept is what later tokens see, and no more than the patterns' segments hold") {
    Index kept = 0, all = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const RandomInputs<float> inputs(causal(draw_question(SeededDraw(seed))));
        const Problem& problem = inputs.problem;
        Index most = 0;
        for_each_pattern_and_head(problem, [&](Index pattern, Index) {
            const auto i = static_cast<std::size_t>(pattern);
            most += problem.batch * ceil_div(problem.segment_lengths[i], problem.dilation_rates[i]);
        });
        KvCache<float> cache(problem);
        CHECK(cache.rows_kept() == 0);
        for (Index t = 0; t < problem.tokens; ++t) {
            append(cache, inputs, t, t + 1);
            CHECK(cache.rows_kept() == rows_seen_later(problem, t + 1));
            CHECK(cache.rows_kept() <= most);
            kept += cache.rows_kept();
            all += problem.batch * problem.kv_heads * (t + 1);
        }
    }
    MESSAGE(kept, " rows kept over all steps, where a dense cache keeps ", all);
    CHECK(kept > 0);
}

} // namespace
} // namespace dra::test
