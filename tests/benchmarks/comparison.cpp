#include "benchmarks/comparison/comparison.hpp"

#include "benchmarks/comparison/record.hpp"
#include "benchmarks/comparison/table.hpp"
#include "reference/definition/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace dra::benchmarks {
namespace {

using published::Fix;
using published::Rung;
using published::Topic;

Inputs<float> inputs(Index tokens) {
    const Shape shape{1, tokens, 2, 8};
    return {random_normal<float>(shape, 1), random_normal<float>(shape, 2), random_normal<float>(shape, 3)};
}

const Narrator silent = [](const std::string&, const std::string&) {};

std::size_t longest_line(const std::string& text) {
    std::size_t longest = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        longest = std::max(longest, end - begin);
        begin = end + 1;
    }
    return longest;
}

/// All topics at two lengths; made once.
const Comparison& all_topics() {
    static const Comparison made = compare<float>({.lengths = {48, 96}}, inputs(96), silent);
    return made;
}

TEST_CASE("every rung of every fix is verified, counted and timed at every length") {
    const Comparison& c = all_topics();
    CHECK(c.offenders.empty());
    CHECK(c.left_out.empty());
    REQUIRE(c.lengths.size() == 2);
    CHECK(c.waterfall.size() == 7);
    for (const AtLength& at : c.lengths) {
        CHECK(at.repetitions >= fewest_repetitions);
        for (const Fix fix : published::all_fixes)
            for (const Rung rung : published::rungs_of_a_fix) {
                CAPTURE(published::entry(fix).title);
                CAPTURE(published::name(rung));
                const Measurement& alone = at.isolated.at(fix)[rung];
                const Measurement* end_to_end = at.pipeline(c.end_to_end(fix, rung));
                REQUIRE(end_to_end);
                for (const Measurement* m : {&alone, end_to_end}) {
                    CHECK(m->right);
                    CHECK(m->absent.empty());
                    CHECK(m->later.size() == static_cast<std::size_t>(at.repetitions));
                    CHECK(m->error_ratio <= forward_bound);
                }
                CHECK(end_to_end->error_ratio > 0);
                CHECK(end_to_end->later_counts.flops > 0);
                CHECK(end_to_end->tells_first_from_later ==
                      (fix == Fix::caching || rung == Rung::before) * c.causal_for(fix));
            }
        const Measurement& cached = at.isolated.at(Fix::caching).after;
        CHECK(cached.first.size() == static_cast<std::size_t>(at.repetitions));
        CHECK(cached.first_counts.mask_elements > 0);
        CHECK(cached.later_counts.mask_elements == 0);
    }
    CHECK(c.lengths.front().isolated.at(Fix::double_computation).after.error_ratio_as_published.value_or(0) >
          forward_bound);
}

TEST_CASE("every rung of every opportunity is verified, counted and timed as a whole call, where there is one") {
    const Comparison& c = all_topics();
    CHECK(c.topics.size() == published::topics);
    for (const AtLength& at : c.lengths)
        for (const Topic topic : published::opportunities)
            for (const Rung rung : published::rungs_of_a_fix) {
                CAPTURE(published::entry(topic).title);
                CAPTURE(published::name(rung));
                const Measurement* m = c.end_to_end(at, topic, rung);
                REQUIRE(m);
                CHECK(m->right);
                if (topic == Topic::compiled_hot_path && rung == Rung::after) {
                    CHECK(m->absent == "none was published");
                    continue;
                }
                CHECK(m->absent.empty());
                CHECK(m->later.size() == static_cast<std::size_t>(at.repetitions));
                CHECK(m->error_ratio > 0);
                CHECK(m->error_ratio <= forward_bound);
                CHECK(m->later_counts.flops > 0);
            }
    const AtLength& at = c.lengths.back();
    const auto counted = [&](Topic topic, Rung rung) {
        return counter_of(topic).of(c.end_to_end(at, topic, rung)->later_counts);
    };
    CHECK(counted(Topic::memory_pool, Rung::before) == 0);
    CHECK(counted(Topic::memory_pool, Rung::after) >= counted(Topic::memory_pool, Rung::principled));
    CHECK(counted(Topic::pattern_caching, Rung::before) > 0);
    CHECK(counted(Topic::pattern_caching, Rung::after) == 0);
    CHECK(counted(Topic::pattern_caching, Rung::principled) == 0);
    CHECK(counted(Topic::compiled_hot_path, Rung::before) > 0);
    CHECK(counted(Topic::compiled_hot_path, Rung::principled) == 0);
    CHECK(counted(Topic::kv_cache, Rung::after) > counted(Topic::kv_cache, Rung::principled));
    for (const Topic topic : {Topic::compiled_hot_path, Topic::kv_cache})
        if (allocations_counted()) CHECK(c.end_to_end(at, topic, Rung::principled)->later_allocations.number == 0);
}

TEST_CASE("the table fits its columns and names every fix, and the record holds every sample") {
    const Comparison& c = all_topics();
    const std::string text = table(c);
    CHECK(longest_line(text) <= 118);
    for (const published::Entry& entry : published::catalogue()) CHECK(text.find(entry.title) != std::string::npos);
    for (const Judgement& j : judge(c))
        if (j.verdict) CHECK(text.find(name(*j.verdict)) != std::string::npos);
    const auto json = record(c, {{"program", "test"}});
    CHECK(json["environment"]["program"] == "test");
    CHECK(json["lengths"].size() == 2);
    CHECK(json["lengths"][1]["end_to_end"]["2"]["after"]["call"]["samples"].size() ==
          static_cast<std::size_t>(c.lengths[1].repetitions));
    CHECK(json["claims"].size() == judge(c).size());
    CHECK(json["fixes"].size() == published::fixes);
    CHECK(json["opportunities"].size() == published::opportunities.size());
    CHECK(json["lengths"][1]["end_to_end"]["9"]["principled"]["call"]["counts"]["rows_read"] > 0);
    CHECK(json["lengths"][1]["end_to_end"]["8"]["after"]["absent"] == "none was published");
}

TEST_CASE("a length that does not fit is left out and named") {
    const Comparison out_of_time =
        compare<float>({.lengths = {300, 600}, .topics = {Fix::caching}, .budget_seconds = 0}, inputs(600), silent);
    CHECK(out_of_time.lengths.empty());
    REQUIRE(out_of_time.left_out.size() == 2);
    CHECK(out_of_time.left_out[0].tokens == 300);
    CHECK(out_of_time.left_out[1].words.find("0 s are left") != std::string::npos);

    const Comparison too_long = compare<float>({.lengths = {48, 97}, .topics = {Fix::caching}}, inputs(96), silent);
    REQUIRE(too_long.lengths.size() == 1);
    REQUIRE(too_long.left_out.size() == 1);
    CHECK(too_long.left_out[0].tokens == 97);
    CHECK(too_long.left_out[0].words == "the input has 96 tokens");
}

TEST_CASE("not causal, the fixes whose subject is the mask have nothing to do alone, and that is said") {
    const Comparison c = compare<float>({.lengths = {48}, .causal = false}, inputs(48), silent);
    REQUIRE(c.lengths.size() == 1);
    for (const Rung rung : published::rungs_of_a_fix) {
        CHECK_FALSE(c.lengths.front().isolated.at(Fix::causal_mask)[rung].absent.empty());
        CHECK_FALSE(c.lengths.front().whole_calls.at(Topic::kv_cache)[rung].absent.empty());
    }
    CHECK(table(c).find("nothing to do: not causal") != std::string::npos);
    CHECK(c.end_to_end(c.lengths.front(), Topic::compiled_hot_path, Rung::principled)->right);
}

TEST_CASE("one opportunity alone has neither waterfall nor pipelines") {
    const Comparison c = compare<float>({.lengths = {48}, .topics = {Topic::kv_cache}}, inputs(48), silent);
    CHECK(c.waterfall.empty());
    CHECK(c.lengths.front().pipelines.empty());
    CHECK(c.lengths.front().whole_calls.size() == 1);
    CHECK(table(c).find("Opportunity 9: KV cache") != std::string::npos);
}

TEST_CASE("one fix alone has no waterfall") {
    const Comparison c = compare<float>({.lengths = {48}, .topics = {Fix::discarded_attention}}, inputs(48), silent);
    CHECK(c.waterfall.empty());
    CHECK(c.lengths.front().isolated.size() == 1);
    CHECK(c.lengths.front().pipelines.size() == 3);
}

} // namespace
} // namespace dra::benchmarks
