#include "tests/attention/decoding.hpp"

#include <doctest/doctest.h>
#include <omp.h>

namespace dra::test {
namespace {

class OneThread {
public:
    OneThread() { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }

private:
    int before_ = omp_get_max_threads();
};

TEST_CASE_TEMPLATE("every token of every short sequence decodes to the last row of its prefix's result, bit for bit", T,
                   float, double) {
    const OneThread one_thread;
    Index steps = 0, different = 0;
    double worst = 0;
    for_each_small_question([&](const Question& asked) {
        if (!asked.configuration.causal) return;
        const RandomInputs<T> inputs(asked);
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
        const RandomInputs<T> inputs(causal(draw_question(draw, {.tokens = 60})));
        KvCache<T> cache(inputs.problem);
        Attention<T> decoded = dilated_attention<T>(inputs.problem, inputs);
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
        grouped += inputs.problem.query_heads_per_kv_head() > 1;
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
        const RandomInputs<float> inputs(causal({{1, 700, heads, 4}, kv_heads, {{700, 128}, {1, 3}}, 5}));
        KvCache<float> cache(inputs.problem);
        append(cache, inputs, 0, 5);
        const Attention<float> many = decode(cache, inputs, 5, 698), two = decode(cache, inputs, 698, 700);
        const Attention<float> whole = dilated_attention<float>(inputs.problem, inputs);
        CHECK(same(many, last_rows(of_prefix(inputs, 698), 5)));
        CHECK(same(two, last_rows(whole, 698)));
    }
}

TEST_CASE("a cache refuses what it cannot decode") {
    Question asked = causal({{1, 4, 1, 2}, 1, {{4}, {1}}});
    asked.configuration.dropout = 0.5;
    CHECK_THROWS_AS(KvCache<float>(RandomInputs<float>(asked).problem), PatternError);
    asked.configuration.dropout = 0, asked.configuration.causal = false;
    CHECK_THROWS_AS(KvCache<float>(RandomInputs<float>(asked).problem), PatternError);
}

TEST_CASE("a step does not depend on the number of threads") {
    const RandomInputs<float> inputs(causal({{2, 900, 6, 8}, 3, {{300, 900}, {1, 4}, Mode::mixture}, 2}));
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
    const RandomInputs<float> inputs(causal({{1, 6, 4, 2}, 2, {{4}, {1}}, 1}));
    Question asked{{1, 6, 4, 2}, 2, {{4}, {1}}, 1};
    CHECK(complaint([&] { KvCache<float> cache(RandomInputs<float>(asked).problem); }) ==
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
              cache.decode({inputs.q, part(inputs.k, 4, 6), part(inputs.v, 4, 6)}, result);
          }) == "q.shape = [1, 6, 4, 2]: must be that of k with H heads, [1, 2, 4, 2]");
    CHECK(complaint([&] {
              Tensor<float> out({1, 2, 4, 2});
              cache.decode({part(inputs.q, 4, 6), part(inputs.k, 4, 6), part(inputs.v, 4, 6)}, {out, result.lse});
          }) == "lse.shape = [1, 4, 6]: must be [B, H, N] of q, [1, 4, 2]");
    CHECK(cache.tokens() == 4);
    CHECK(same(decode(cache, inputs, 4, 6), last_rows(of_prefix(inputs, 6), 4)));
    CHECK(complaint([&] { append(cache, inputs, 0, 1); }).ends_with("tokens that are left, 0"));
}

} // namespace
} // namespace dra::test
