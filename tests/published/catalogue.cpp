#include "reference/published/catalogue.hpp"

#include <doctest/doctest.h>

#include <set>

namespace dra::published {
namespace {

void check_claim(const Claim& claim) {
    CAPTURE(claim.words);
    CHECK(!claim.words.empty());
    CHECK(!claim.reading.empty());
    CHECK(!claim.fact.empty());
    CHECK((claim.quantity == Quantity::none) == (claim.high == 0));
    CHECK(claim.low <= claim.high);
}

TEST_CASE("the catalogue has the nine topics of the report, each with three rungs and at least one claim") {
    REQUIRE(catalogue().size() == topics);
    std::set<std::string> ids;
    Index number = 0;
    for (const Entry& e : catalogue()) {
        CAPTURE(e.id);
        CHECK(e.number() == ++number);
        CHECK(&entry(e.topic) == &e);
        CHECK(e.section.starts_with(is_fix(e.topic) ? std::to_string(number) + "."
                                                    : "Remaining Opportunities, " + std::to_string(number - fixes)));
        CHECK(!e.title.empty());
        CHECK(!e.teaches.empty());
        for (const Rung rung : rungs_of_a_fix) {
            CHECK(!e.rungs[rung].words.title.empty());
            CHECK(e.rungs[rung].words.sentence.ends_with("."));
        }
        REQUIRE(!e.claims.empty());
        for (const Claim& claim : e.claims) {
            check_claim(claim);
            CHECK(claim.from == Rungs(Rung::before));
            CHECK(claim.to == (is_fix(e.topic) ? claim.from.with(e.topic, Rung::after) : claim.from));
            if (!is_fix(e.topic)) CHECK(claim.quantity == Quantity::none);
        }
        ids.insert(e.id);
    }
    CHECK(ids.size() == topics);
}

TEST_CASE("what was never published is said to be so") {
    CHECK(entry(Topic::compiled_hot_path).rungs.after.words.title == "none was published");
}

TEST_CASE("the figures are the report's") {
    CHECK(entry(Fix::causal_mask).claims[0].low == 2);
    CHECK(entry(Fix::causal_mask).claims[0].high == 10);
    CHECK(entry(Fix::causal_mask).claims[1].quantity == Quantity::exponent);
    CHECK(entry(Fix::causal_mask).claims[1].high == 1.1);
    const Claim& half = entry(Fix::double_computation).claims[0];
    CHECK(half.low < 2);
    CHECK(half.high > 2);
    CHECK(half.causal == false);
    REQUIRE(overall_claims().size() == 1);
    check_claim(overall_claims()[0]);
    CHECK((overall_claims()[0].from == overall_claims()[0].to) == false);
    CHECK(overall_claims()[0].low == 1.15);
    CHECK(overall_claims()[0].high == 1.30);
}

} // namespace
} // namespace dra::published
