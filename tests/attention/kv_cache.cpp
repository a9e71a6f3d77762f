#include "reference/attention/kv_cache.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "tests/exhaustive.hpp"

#include <doctest/doctest.h>
#include <omp.h>

namespace dra::test {
namespace {

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
template <class T> Attention<T> decode(KvCache<T>& cache, const Inputs<T>& inputs, Index begin, Index end) {
    Problem step = inputs.problem;
    step.tokens = end - begin;
    Attention<T> result = poisoned<T>(step);
    cache.decode(part(inputs.q, begin, end), part(inputs.k, begin, end), part(inputs.v, begin, end), result.out,
                 result.lse);
    return result;
}

template <class T> void append(KvCache<T>& cache, const Inputs<T>& inputs, Index begin, Index end) {
    cache.append(part(inputs.k, begin, end), part(inputs.v, begin, end));
}

/// The causal result over the first `tokens` alone.
template <class T> Attention<T> of_prefix(const Inputs<T>& inputs, Index tokens) {
    Problem prefix = inputs.problem;
    prefix.tokens = tokens;
    return dilated_attention<T>(prefix, part(inputs.q, 0, tokens), part(inputs.k, 0, tokens),
                                part(inputs.v, 0, tokens));
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

/// Whether pattern i selects position n for KV head g, by division and remainder.
bool selects(const Problem& problem, Index pattern, Index g, Index n) {
    const Pattern p = pattern_of(problem, pattern, g);
    const Index in_segment = n % p.segment_length;
    return in_segment >= p.phase && (in_segment - p.phase) % p.dilation_rate == 0;
}

bool sees(const Problem& problem, Index pattern, Index g, Index i, Index j) {
    const Index w = problem.segment_lengths[static_cast<std::size_t>(pattern)];
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

/// Of the first `tokens` rows those that any later query sees.
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

class OneThread {
public:
    OneThread() { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }

private:
    int before_ = omp_get_max_threads();
};

Question causal(Question asked) {
    asked.configuration.causal = true;
    return asked;
}

TEST_CASE_TEMPLATE("every token of every sequence up to 12 decodes to the last row of its prefix's result, bit for bit",
                   T, float, double) {
    const OneThread one_thread;
    Index steps = 0, different = 0;
    double worst = 0;
    for_each_small_question([&](const Question& asked) {
        if (!asked.configuration.causal) return;
        const Inputs<T> inputs(asked);
        KvCache<T> cache(inputs.problem);
        Attention<T> decoded = poisoned<T>(inputs.problem);
        for (Index t = 0; t < inputs.problem.tokens; ++t, ++steps) {
            const Attention<T> step = decode(cache, inputs, t, t + 1);
            if (!same(step, last_rows(of_prefix(inputs, t + 1), t))) ++different;
            put(step, t, decoded);
        }
        worst = std::max(worst, error_ratios(inputs.problem, inputs.truth(), decoded).forward());
    });
    MESSAGE(steps, " steps, ", different, " of them different; largest error ratio against the oracle ", worst);
    CHECK(steps == small_questions / 2 / small_tokens * (small_tokens * (small_tokens + 1) / 2));
    CHECK(different == 0);
    CHECK(worst <= forward_bound);
}

TEST_CASE_TEMPLATE(
    "several tokens a step, after a prompt of any length, give the last rows of every prefix, bit for bit", T, float,
    double) {
    Index steps = 0, different = 0, grouped = 0;
    double worst = 0;
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        SeededDraw draw(seed);
        const Inputs<T> inputs(causal(draw_question(draw, {.tokens = 60})));
        KvCache<T> cache(inputs.problem);
        Attention<T> decoded = dilated_attention<T>(inputs.problem, inputs.q, inputs.k, inputs.v);
        const Index prompt = draw(0, inputs.problem.tokens);
        if (prompt > 0) append(cache, inputs, 0, prompt);
        for (Index begin = prompt; begin < inputs.problem.tokens; ++steps) {
            const Index end = std::min(begin + draw(1, draw(0, 1) == 1 ? 4 : 40), inputs.problem.tokens);
            const Attention<T> step = decode(cache, inputs, begin, end);
            CHECK(cache.tokens() == end);
            if (!same(step, last_rows(of_prefix(inputs, end), begin))) ++different;
            put(step, begin, decoded);
            begin = end;
        }
        grouped += inputs.problem.group_size() > 1;
        worst = std::max(worst, error_ratios(inputs.problem, inputs.truth(), decoded).forward());
    }
    MESSAGE(steps, " steps, ", different, " of them different, ", grouped,
            " problems of grouped-query heads; largest error ratio against the oracle ", worst);
    CHECK(grouped > 50);
    CHECK(different == 0);
    CHECK(worst <= forward_bound);
}

TEST_CASE("more tokens and more heads a group than a panel holds") {
    for (const auto& [heads, kv_heads] : {std::pair<Index, Index>{300, 1}, {6, 2}}) {
        const Inputs<float> inputs(causal({{1, 700, heads, 4}, kv_heads, {{700, 128}, {1, 3}}, 5}));
        KvCache<float> cache(inputs.problem);
        append(cache, inputs, 0, 5);
        const Attention<float> many = decode(cache, inputs, 5, 698), two = decode(cache, inputs, 698, 700);
        const Attention<float> whole = dilated_attention<float>(inputs.problem, inputs.q, inputs.k, inputs.v);
        CHECK(same(many, last_rows(of_prefix(inputs, 698), 5)));
        CHECK(same(two, last_rows(whole, 698)));
    }
}

TEST_CASE("a step reads the rows that its tokens see, once each, and no other") {
    Index read = 0, dense = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SeededDraw draw(seed);
        const Inputs<float> inputs(causal(draw_question(draw)));
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

TEST_CASE("a cache refuses what it cannot decode") {
    Question asked = causal({{1, 4, 1, 2}, 1, {{4}, {1}}});
    asked.configuration.dropout = 0.5;
    CHECK_THROWS_AS(KvCache<float>(Inputs<float>(asked).problem), PatternError);
    asked.configuration.dropout = 0, asked.configuration.causal = false;
    CHECK_THROWS_AS(KvCache<float>(Inputs<float>(asked).problem), PatternError);
}

TEST_CASE("rows that nobody sees again reach nothing, NaN included") {
    constexpr Index w = 12, r = 3;
    Inputs<float> inputs(causal({{1, 3 * w, 2, 4}, 2, {{w}, {r}, Mode::groups, PhaseRule::head}, 1}));
    const Attention<float> expected = dilated_attention<float>(inputs.problem, inputs.q, inputs.k, inputs.v);
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
        const Inputs<float> inputs(causal(draw_question(SeededDraw(seed))));
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

TEST_CASE("a step does not depend on the number of threads") {
    const Inputs<float> inputs(causal({{2, 900, 6, 8}, 3, {{300, 900}, {1, 4}, Mode::mixture}, 2}));
    const auto decode_all = [&] { // long enough that threads meet
        KvCache<float> cache(inputs.problem);
        append(cache, inputs, 0, 50);
        return decode(cache, inputs, 50, 900);
    };
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const Attention<float> expected = decode_all();
    for (const int threads : {2, 3, 3, 5, 5}) {
        omp_set_num_threads(threads);
        CHECK(same(decode_all(), expected));
    }
    omp_set_num_threads(before);
}

template <class Call> std::string complaint(Call call) {
    try {
        call();
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

TEST_CASE("what a cache cannot take is refused by field, value and rule, and changes nothing") {
    const Inputs<float> inputs(causal({{1, 6, 4, 2}, 2, {{4}, {1}}, 1}));
    Question asked{{1, 6, 4, 2}, 2, {{4}, {1}}, 1};
    CHECK(complaint([&] { KvCache<float> cache(Inputs<float>(asked).problem); }) ==
          "causal = false: must be true: when a token is decoded, no later one is there");

    KvCache<float> cache(inputs.problem);
    append(cache, inputs, 0, 4);
    CHECK(complaint([&] { append(cache, inputs, 0, 3); }) ==
          "k.shape = [1, 3, 2, 2]: N must be at least 1 and at most the tokens that are left, 2");
    CHECK(complaint([&] { append(cache, inputs, 2, 2); }).starts_with("k.shape = [1, 0, 2, 2]: N must be at least 1"));
    CHECK(complaint([&] { cache.append(inputs.q, inputs.q); }) ==
          "k.shape = [1, 6, 4, 2]: must be the cache's, [1, 6, 2, 2]");
    CHECK(complaint([&] { cache.append(part(inputs.k, 0, 1), inputs.v); }) ==
          "v.shape = [1, 6, 2, 2]: must be that of k, [1, 1, 2, 2]");
    Attention<float> result = poisoned<float>(inputs.problem);
    CHECK(complaint([&] {
              cache.decode(inputs.q, part(inputs.k, 4, 6), part(inputs.v, 4, 6), result.out, result.lse);
          }) == "q.shape = [1, 6, 4, 2]: must be that of k with H heads, [1, 2, 4, 2]");
    CHECK(complaint([&] {
              Tensor<float> out({1, 2, 4, 2});
              cache.decode(part(inputs.q, 4, 6), part(inputs.k, 4, 6), part(inputs.v, 4, 6), out, result.lse);
          }) == "lse.shape = [1, 4, 6]: must be [B, H, N] of q, [1, 4, 2]");
    CHECK(cache.tokens() == 4);
    CHECK(same(decode(cache, inputs, 4, 6), last_rows(of_prefix(inputs, 6), 4)));
    CHECK(complaint([&] { append(cache, inputs, 0, 1); }).ends_with("tokens that are left, 0"));
}

} // namespace
} // namespace dra::test
