#include "benchmarks/comparison/comparison.hpp"

#include "benchmarks/comparison/record.hpp"
#include "benchmarks/comparison/table.hpp"
#include "reference/definition/random.hpp"
#include "tests/cuda/published/problems.hpp"

#include <doctest/doctest.h>

namespace dra::benchmarks {
namespace {

using published::Fix;
using published::Rung;
using published::Rungs;

constexpr Index shorter = 16, longer = 32;

/// The comparison on the emulator, of two lengths; made once.
const Comparison& comparison() {
    static const Comparison made = [] {
        const Shape shape{1, longer, 2, 8};
        const Inputs<float> inputs{random_normal<float>(shape, 1), random_normal<float>(shape, 2),
                                   random_normal<float>(shape, 3)};
        Options options{.lengths = {shorter, longer}};
        options.device = &cuda::test::device();
        return compare<float>(options, inputs, [](const std::string&, const std::string&) {});
    }();
    return made;
}

TEST_CASE("on the emulator every rung is verified and counted, and nothing is timed") {
    const Comparison& c = comparison();
    CHECK(c.offenders.empty());
    CHECK(c.left_out.empty());
    CHECK_FALSE(c.timed);
    CHECK(c.error_bound == 1);
    REQUIRE(c.lengths.size() == 2);
    for (const AtLength& at : c.lengths)
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
                    CHECK(m->later.empty());
                    CHECK(m->later_host.empty());
                    CHECK(m->error_ratio <= 1);
                }
                CHECK(end_to_end->error_ratio > 0);
                CHECK(end_to_end->later_device_counts.launches > 0);
                CHECK(end_to_end->later_device_counts.sectors > 0);
            }
    CHECK(c.lengths.front().isolated.at(Fix::double_computation).after.error_ratio_as_published.value_or(0) > 1);
    for (const published::Topic topic : published::opportunities)
        for (const Rung rung : published::rungs_of_a_fix) {
            CHECK(c.lengths.back().isolated.at(topic)[rung].absent == "not on this backend");
            CHECK(c.end_to_end(c.lengths.back(), topic, rung)->absent == "not on this backend");
        }
}

TEST_CASE("ladders hold fix 1 as published where there is a mask, and the waterfall begins with it before") {
    const Comparison& c = comparison();
    CHECK(c.end_to_end(Fix::caching, Rung::before).rungs.name() == "abbbb");
    CHECK(c.end_to_end(Fix::causal_mask, Rung::before).rungs == Rungs(Rung::before));
    CHECK(c.end_to_end(Fix::double_computation, Rung::before).rungs == Rungs(Rung::before));
    CHECK(c.waterfall.front().key.rungs == Rungs(Rung::before));
    const Measurement* before = c.lengths.back().pipeline(c.waterfall.front().key);
    const Measurement* after = c.lengths.back().pipeline(c.waterfall[1].key);
    const Index masks = 2 * longer * longer, launches_of_masks = 2 * 4; // two patterns, four chunks
    CHECK(before->later_device_counts.launches - after->later_device_counts.launches == masks - launches_of_masks);
}

TEST_CASE("a claim of speed is not judged without a clock; one of complexity is, by what was counted") {
    for (const Judgement& j : judge(comparison())) {
        CHECK_FALSE(j.ratio);
        if (j.claim.quantity == published::Quantity::speed_up) {
            CHECK_FALSE(j.verdict);
            CHECK(j.words.starts_with("not judged: the emulator has no clock"));
        }
        if (j.claim.quantity == published::Quantity::exponent) {
            REQUIRE(j.exponent);
            CHECK(*j.exponent == doctest::Approx(2));
            CHECK(*j.verdict == Verdict::refuted);
        }
    }
}

TEST_CASE("the table fits its columns and says what it counts, and the record holds it") {
    const std::string text = table(comparison());
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        CHECK(end - begin <= 118);
        begin = end + 1;
    }
    for (const char* word : {"a launch an element", "device mask cache", "Launches before", "Sectors of memory before",
                             "nothing is timed here", "end to end, others before, fix 1 after",
                             "9 KV cache              not on this backend", "Opportunity 6: Memory pool"})
        CHECK(text.find(word) != std::string::npos);
    const auto json = record(comparison(), {{"program", "test"}});
    CHECK(json["timed"] == false);
    CHECK(json["device"]["emulated"] == true);
    CHECK(json["configuration"]["type"] == "BF16");
    CHECK(json["configuration"]["held"] == "abbbb");
    CHECK(json["lengths"][1]["end_to_end"]["1"]["after"]["call"]["seconds"].is_null());
    CHECK(json["lengths"][1]["isolated"]["1"]["before"]["call"]["work"]["launches"] == 2 * longer * longer);
    CHECK(json["fixes"][0]["rungs"]["before"]["title"] == "a launch an element");
    CHECK(json["opportunities"].size() == 4);
    CHECK(json["lengths"][1]["end_to_end"]["9"]["before"]["absent"] == "not on this backend");
}

TEST_CASE("beyond 512 tokens one launch per element is left empty, and that is said") {
    const Shape shape{1, 516, 1, 8};
    const Inputs<float> inputs{random_normal<float>(shape, 1), random_normal<float>(shape, 2),
                               random_normal<float>(shape, 3)};
    const auto workbench = device_workbench(cuda::test::device(), DType::bf16, inputs);
    const Problem problem =
        workbench->problem({.segment_lengths = {516}, .dilation_rates = {1}, .causal = true, .ranks = 4});
    for (const Subject& subject : {workbench->isolated(Fix::causal_mask, Rung::before, problem),
                                   workbench->pipeline({Rungs(Rung::before), true}, false, problem)}) {
        CHECK(subject.absent == "a launch an element of the mask is measured to n = 512");
        CHECK(subject.bounded);
    }
    CHECK(workbench->pipeline({Rungs(Rung::after), true}, false, problem).absent.empty());
}

} // namespace
} // namespace dra::benchmarks
