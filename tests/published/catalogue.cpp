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
    CHECK((claim.from == claim.to) == false);
    CHECK((claim.quantity == Quantity::none) == (claim.high == 0));
    CHECK(claim.low <= claim.high);
}

TEST_CASE("the catalogue has the five fixes of the report, each with three rungs and at least one claim") {
    REQUIRE(catalogue().size() == fixes);
    std::set<std::string> ids;
    Index number = 0;
    for (const Entry& e : catalogue()) {
        CAPTURE(e.id);
        CHECK(e.number() == ++number);
        CHECK(&entry(e.fix) == &e);
        CHECK(e.section.starts_with(std::to_string(number) + "."));
        CHECK(!e.title.empty());
        CHECK(!e.teaches.empty());
        for (const Rung rung : rungs_of_a_fix) {
            CHECK(!e[rung].title.empty());
            CHECK(e[rung].sentence.ends_with("."));
        }
        REQUIRE(!e.claims.empty());
        for (const Claim& claim : e.claims) {
            check_claim(claim);
            CHECK(claim.from == Rungs(Rung::before));
            CHECK(claim.to == claim.from.with(e.fix, Rung::after));
        }
        ids.insert(e.id);
    }
    CHECK(ids.size() == fixes);
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
    CHECK(overall_claims()[0].low == 1.15);
    CHECK(overall_claims()[0].high == 1.30);
}

} // namespace
} // namespace dra::published
