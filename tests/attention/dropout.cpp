#include "reference/attention/dropped.hpp"
#include "tests/both_ways.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

Dropout dropout_of(std::uint64_t seed, Index b, Index h) {
    Dropout dropout;
    dropout.seed = seed;
    dropout.batch = b;
    dropout.head = h;
    return dropout;
}

TEST_CASE("the words of a panel are the published ones, lane by lane") {
    CHECK(kernel::dropout_words<1>(0, 0, 1, dropout_of(0, 0, 0))[0] == 0x6627e8d5);
    CHECK(kernel::dropout_words<8>(3, 2, 1, dropout_of(7, 0, 1))[3] == 0x858adc23);
    CHECK(kernel::dropout_words<32>(999, 990, 2, dropout_of((std::uint64_t{1} << 40) + 9, 1, 2))[5] == 0x1c272015);
    Index different = 0, compared = 0;
    for (const Index j : {0, 1, 77, 1'000'000})
        for (const Index stride : {1, 3, 64}) {
            const auto words = kernel::dropout_words<32>(
                static_cast<std::uint32_t>(j), 500, static_cast<std::uint32_t>(stride), dropout_of(123456789, 2, 5));
            for (Index lane = 0; lane < 32; ++lane, ++compared)
                different += words[lane] != dropout_word(123456789, 2, 5, 500 + lane * stride, j);
        }
    MESSAGE("words compared ", compared);
    CHECK(different == 0);
}

TEST_CASE_TEMPLATE("a pair whose word is exactly p 2^32 is kept, and one whose word is just below is dropped", T, float,
                   double) {
    Question asked{{1, 1, 1, 1}, 1, {.segment_lengths = {1}, .dilation_rates = {1}}};
    asked.configuration.dropout_seed = 3;
    const std::uint32_t word = dropout_word(3, 0, 0, 0, 0);
    for (const bool kept : {true, false}) {
        asked.configuration.dropout = (word + (kept ? 0.0 : 1.0)) * 0x1p-32;
        RandomInputs<T> inputs(asked);
        inputs.v.flat() = 1;
        const double weight = kept ? 1 / (1 - asked.configuration.dropout) : 0;
        CHECK(inputs.truth().attention.out.flat()[0] == weight);
        CHECK(dilated_attention<T>(inputs.problem, inputs).out.flat()[0] == static_cast<T>(weight));
    }
}

/// With q = 0 and v the identity, out is the matrix of weights.
template <class T> Tensor<T> weights(const RandomInputs<T>& inputs, bool on_ring) {
    return on_ring ? ring_attention<T>(inputs.problem, inputs).out : dilated_attention<T>(inputs.problem, inputs).out;
}

TEST_CASE_TEMPLATE("exactly the pairs whose word is below p 2^32 are dropped, through every pattern at once", T, float,
                   double) {
    for (const double p : {0.1, 0.5, 0.9})
        for (const bool on_ring : {false, true})
            for (const bool causal : {false, true}) {
                Question asked{{2, 70, 4, 70}, 2, {{70, 35}, {1, 3}, Mode::mixture, PhaseRule::head, causal}, 1};
                asked.configuration.dropout = p;
                asked.configuration.dropout_seed = 42;
                asked.configuration.ranks = 3;
                RandomInputs<T> inputs(asked);
                inputs.q.flat() = 0;
                inputs.v.flat() = 0;
                for (Index b = 0; b < 2; ++b)
                    for (Index g = 0; g < 2; ++g)
                        for (Index n = 0; n < 70; ++n) inputs.v(b, n, g, n) = 1;
                const Tensor<T> found = weights(inputs, on_ring);
                Index visible = 0, kept = 0, wrong = 0;
                for (Index b = 0; b < 2; ++b)
                    for (Index h = 0; h < 4; ++h)
                        for (Index i = 0; i < 70; ++i)
                            for (Index j = 0; j < 70; ++j) {
                                if (times_seen(inputs.problem, h / 2, i, j) == 0) continue;
                                const bool keeps = dropout_word(42, b, h, i, j) >= std::floor(p * 0x1p32);
                                ++visible;
                                kept += keeps;
                                wrong += (found(b, i, h, j) != 0) != keeps;
                            }
                const double share = static_cast<double>(kept) / static_cast<double>(visible);
                CHECK(wrong == 0);
                CHECK(std::abs(share - (1 - p)) <= 5 * std::sqrt(p * (1 - p) / static_cast<double>(visible)));
            }
}

TEST_CASE_TEMPLATE("a pair is kept where p 2^32 is its word, and dropped where it is one more", T, float, double) {
    const std::uint32_t word = dropout_word(42, 0, 0, 0, 0);
    for (const int more : {0, 1}) {
        Question asked{{1, 1, 1, 3}, 1, {{1}, {1}}, 1};
        asked.configuration.dropout = (word + more) * 0x1p-32;
        asked.configuration.dropout_seed = 42;
        const GradientInputs<T> inputs(asked);
        const Attention<T> result = dilated_attention<T>(inputs.problem, inputs);
        const Gradients<T> gradients = dilated_attention_gradient<T>(inputs.problem, inputs, result, inputs.dout);
        CHECK((inputs.truth().attention.out.flat() != 0).all() == (more == 0));
        CHECK((result.out.flat() != 0).all() == (more == 0));
        CHECK((gradients.dv.flat() != 0).all() == (more == 0));
    }
}

TEST_CASE_TEMPLATE("under dropout the gradients of many panels and query blocks are those of the oracle", T, float,
                   double) {
    for (const bool causal : {false, true}) {
        Question asked{{1, 300, 4, 20}, 2, {{300, 150}, {1, 3}, Mode::mixture, PhaseRule::head, causal}, 1};
        asked.configuration.dropout = 0.3;
        asked.configuration.dropout_seed = 42;
        asked.configuration.ranks = 3;
        const GradientInputs<T> inputs(asked);
        const Oracle truth = inputs.truth();
        for (const auto& [forward, backward] : {run(inputs), run_ring(inputs)})
            CHECK(error_ratios(inputs.problem, truth, forward, &backward).within_bounds());
    }
}

TEST_CASE_TEMPLATE("lse does not notice dropout, in any bit", T, float, double) {
    Question asked{{1, 300, 2, 16}, 1, {{300}, {1}, Mode::groups, PhaseRule::group, true}, 1};
    const RandomInputs<T> plain(asked);
    asked.configuration.dropout = 0.3;
    const RandomInputs<T> dropped(asked);
    const Attention<T> x = dilated_attention<T>(plain.problem, plain),
                       y = dilated_attention<T>(dropped.problem, dropped);
    CHECK((x.lse.flat() == y.lse.flat()).all());
    CHECK_FALSE((x.out.flat() == y.out.flat()).all());
}

TEST_CASE("dropout that nobody asked for drops nothing, of seed, batch and head 0") {
    const Dropout none;
    CHECK_FALSE(none.drops());
    CHECK(none.threshold() == 0);
    CHECK(none.kept() == 1);
    CHECK(none.seed == 0);
    CHECK(none.batch == 0);
    CHECK(none.head == 0);
}

TEST_CASE("dropout outside [0, 1) is refused") {
    for (const double p : {-0.1, 1.0, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
        Question asked{{1, 4, 1, 2}, 1, {{4}, {1}}, 1};
        asked.configuration.dropout = p;
        CHECK_THROWS_WITH_AS(RandomInputs<float>{asked}, doctest::Contains("must be at least 0 and below 1"),
                             PatternError);
    }
}

} // namespace
} // namespace dra::test
