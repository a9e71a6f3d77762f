#include "benchmarks/comparison/judgement.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

namespace dra::benchmarks {
namespace {

using published::Fix;
using published::Quantity;
using published::Rung;
using published::Rungs;

/// Times that are all alike, so that ratios have no spread.
Measurement measured(double seconds, Index mask_elements = 0) {
    Measurement m;
    m.right = true;
    m.later = Samples(5, seconds);
    m.later_counts.mask_elements = mask_elements;
    return m;
}

/// Every pipeline that a claim of `fix` asks for: `gain` times quicker at its end than at its start, masks growing as
/// n^power.
Comparison comparison_of(Fix fix, double gain, int power) {
    Comparison c{.causal = true, .topics = {fix}};
    for (const Index n : {512, 1024, 2048}) {
        AtLength& at = c.lengths.emplace_back(AtLength{.tokens = n});
        const Index elements = power == 1 ? n : n * n;
        for (const published::Claim& claim : published::entry(fix).claims)
            for (const bool causal : {true, false}) {
                at.pipelines.emplace_back(PipelineKey{claim.from, causal}, measured(gain, elements));
                at.pipelines.emplace_back(PipelineKey{claim.to, causal}, measured(1, elements));
            }
    }
    return c;
}

Judgement of_quantity(const std::vector<Judgement>& judgements, Quantity quantity) {
    for (const Judgement& j : judgements)
        if (j.claim.quantity == quantity) return j;
    throw std::out_of_range("no such claim");
}

} // namespace

TEST_CASE("a claim of speed is judged by its two pipelines at the largest length") {
    for (const auto& [gain, verdict] :
         {std::pair{1.0, Verdict::refuted}, {5.0, Verdict::confirmed}, {1250.0, Verdict::exceeded}}) {
        Comparison c = comparison_of(Fix::causal_mask, gain, 2);
        c.lengths.front().pipelines.front().second = measured(77); // a shorter length has no say
        const Judgement j = of_quantity(judge(c), Quantity::speed_up);
        CAPTURE(gain);
        REQUIRE(j.ratio);
        CHECK(j.ratio->median == doctest::Approx(gain));
        CHECK(j.verdict == verdict);
        CHECK(j.words == name(verdict) + ", never reached upstream");
    }
}

TEST_CASE("a claim of complexity is judged by the elements that were counted") {
    const Judgement square = of_quantity(judge(comparison_of(Fix::causal_mask, 5, 2)), Quantity::exponent);
    REQUIRE(square.exponent);
    CHECK(*square.exponent == doctest::Approx(2));
    CHECK(square.verdict == Verdict::refuted);
    const Judgement line = of_quantity(judge(comparison_of(Fix::causal_mask, 5, 1)), Quantity::exponent);
    REQUIRE(line.exponent);
    CHECK(*line.exponent == doctest::Approx(1));
    CHECK(line.verdict == Verdict::confirmed);
}

TEST_CASE("a claim without a number has no verdict, and one that was reached does not say otherwise") {
    const std::vector<Judgement> judgements = judge(comparison_of(Fix::caching, 5, 1));
    REQUIRE(judgements.size() == 1);
    CHECK_FALSE(judgements.front().verdict);
    CHECK(judgements.front().words == "no number claimed");
    CHECK_FALSE(judgements.front().claim.fact.empty());
}

TEST_CASE("what the report says of opportunities has no number, so no verdict, and reached nobody") {
    for (const published::Topic topic : published::opportunities) {
        const std::vector<Judgement> judgements = judge(comparison_of(topic, 5, 1));
        REQUIRE(judgements.size() == 1);
        CHECK_FALSE(judgements.front().verdict);
        CHECK(judgements.front().words == "an opportunity, no number claimed");
    }
}

TEST_CASE("what was not measured is not judged") {
    Comparison none = comparison_of(Fix::causal_mask, 5, 1);
    none.lengths.clear();
    for (const Judgement& j : judge(none)) CHECK_FALSE(j.verdict);

    Comparison not_causal = comparison_of(Fix::causal_mask, 5, 1);
    not_causal.causal = false;
    for (const Judgement& j : judge(not_causal)) {
        CHECK_FALSE(j.verdict);
        CHECK(j.words.starts_with("not judged: it is about causal attention"));
    }

    Comparison one_length = comparison_of(Fix::causal_mask, 5, 1);
    one_length.lengths.resize(1);
    CHECK_FALSE(of_quantity(judge(one_length), Quantity::exponent).verdict);
}

TEST_CASE("exponents are fitted to medians and to what the fix is counted by") {
    const Comparison c = comparison_of(Fix::causal_mask, 5, 2);
    const PipelineKey key{Rungs(Rung::before), true};
    const Exponents found =
        exponents(c, counter_of(Fix::causal_mask), [&](const AtLength& at) { return at.pipeline(key); });
    REQUIRE(found.time);
    REQUIRE(found.elements);
    CHECK(*found.time == doctest::Approx(0).epsilon(1e-9));
    CHECK(*found.elements == doctest::Approx(2));
    CHECK_FALSE(exponents(c, counter_of(Fix::caching), [](const AtLength&) { return nullptr; }).time);
}

} // namespace dra::benchmarks
