#include "benchmarks/comparison/verdict.hpp"

#include <doctest/doctest.h>

namespace dra::benchmarks {

constexpr Range two_to_ten{2, 10};

TEST_CASE("a claim is confirmed when the interquartile range lies inside it, edges included") {
    CHECK(judge_speed({2, 2, 2}, two_to_ten) == Verdict::confirmed);
    CHECK(judge_speed({3, 4, 5}, two_to_ten) == Verdict::confirmed);
    CHECK(judge_speed({2, 9, 10}, two_to_ten) == Verdict::confirmed);
}

TEST_CASE("a claim is exceeded or refuted only when the whole interquartile range lies outside it") {
    CHECK(judge_speed({10.01, 11, 12}, two_to_ten) == Verdict::exceeded);
    CHECK(judge_speed({1000, 1250, 1530}, two_to_ten) == Verdict::exceeded);
    CHECK(judge_speed({0.98, 1.00, 1.02}, two_to_ten) == Verdict::refuted);
    CHECK(judge_speed({1.5, 1.8, 1.99}, two_to_ten) == Verdict::refuted);
}

TEST_CASE("an interquartile range that overlaps an edge leaves a claim undecided") {
    CHECK(judge_speed({1.9, 2.5, 3}, two_to_ten) == Verdict::undecided);
    CHECK(judge_speed({9, 9.5, 10.1}, two_to_ten) == Verdict::undecided);
    CHECK(judge_speed({1, 5, 20}, two_to_ten) == Verdict::undecided);
    CHECK(judge_speed({10, 11, 12}, two_to_ten) == Verdict::undecided);
    CHECK(judge_speed({1, 1.5, 2}, two_to_ten) == Verdict::undecided);
}

TEST_CASE("an exponent of at most 1.1 is O(n)") {
    CHECK(judge_exponent(1.0) == Verdict::confirmed);
    CHECK(judge_exponent(1.1) == Verdict::confirmed);
    CHECK(judge_exponent(1.11) == Verdict::refuted);
    CHECK(judge_exponent(2.0) == Verdict::refuted);
}

TEST_CASE("every verdict has a name of its own") {
    CHECK(name(Verdict::confirmed) == "confirmed");
    CHECK(name(Verdict::exceeded) == "exceeded");
    CHECK(name(Verdict::refuted) == "refuted");
    CHECK(name(Verdict::undecided) == "undecided");
}

} // namespace dra::benchmarks
