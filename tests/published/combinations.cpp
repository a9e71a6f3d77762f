#include "tests/published/problems.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <set>

namespace dra::published::test {
namespace {

constexpr auto groups = Mode::groups, mixture = Mode::mixture;
constexpr auto group = PhaseRule::group, head = PhaseRule::head, block = PhaseRule::head_block;

/// B, N, H, Hkv, D, segments, dilations, mode, phase, causal, R.
const std::vector<Question> problems{
    {1, 16, 2, 2, 8, {16}, {1}, groups, group, false, 1},
    {1, 16, 2, 2, 8, {16}, {1}, groups, group, true, 1},
    {1, 48, 2, 2, 8, {24, 48}, {1, 2}, groups, group, true, 4},
    {1, 48, 2, 2, 8, {24, 48}, {1, 2}, groups, group, false, 4},
    {2, 33, 4, 2, 8, {16, 33}, {1, 3}, groups, group, true, 2},
    {2, 33, 4, 2, 8, {16, 33}, {1, 3}, groups, group, false, 5},
    {1, 61, 3, 3, 5, {16, 32, 64}, {1, 2, 4}, groups, group, true, 3},
    {1, 61, 4, 4, 8, {16, 32, 64}, {1, 2, 4}, mixture, head, true, 4},
    {1, 61, 4, 4, 8, {16, 32, 64}, {1, 2, 4}, mixture, head, false, 4},
    {2, 40, 6, 3, 8, {10, 40}, {1, 4}, mixture, head, true, 3},
    {1, 60, 8, 8, 4, {20, 60}, {2, 4}, mixture, block, true, 7},
    {1, 60, 8, 4, 4, {20, 60}, {2, 4}, mixture, block, false, 2},
    {1, 5, 2, 2, 8, {4}, {2}, groups, group, true, 2},
    {1, 5, 2, 1, 8, {4}, {4}, groups, head, false, 9},
    {1, 1, 3, 3, 8, {4, 8}, {1, 2}, groups, group, true, 3},
    {1, 50, 3, 3, 8, {20, 25, 50}, {1, 3, 7}, groups, group, true, 4},
    {1, 50, 3, 3, 8, {20, 25, 50}, {1, 3, 7}, groups, head, false, 6},
    {1, 13, 2, 2, 3, {5, 13}, {5, 3}, mixture, head, true, 13},
    {1, 13, 2, 2, 3, {5, 13}, {5, 3}, mixture, head, false, 20},
    {1, 40, 2, 2, 8, {8, 16, 32}, {1, 2, 4}, groups, group, true, 3},
    {1, 7, 4, 4, 8, {7}, {7}, groups, head, true, 3},
    {1, 90, 1, 1, 16, {90}, {2}, groups, group, true, 2},
    {1, 90, 1, 1, 16, {45}, {4}, groups, group, false, 3},
    {1, 130, 2, 1, 16, {130}, {1}, groups, group, true, 3},
};

/// The largest ratio of all combinations on all problems; every single one is held to the bound.
template <class T> double worst_of_all() {
    double worst = 0;
    for (const Question& asked : problems) {
        const PosedProblem<T> posed = pose<T>(asked);
        for (Index number = 0; number < Rungs::combinations; ++number) {
            const Rungs rungs = Rungs::numbered(number);
            const double ratio = forward_ratio(posed, run(rungs, posed));
            if (!(ratio <= forward_bound)) {
                CAPTURE(&asked - problems.data());
                CAPTURE(rungs.name());
                CHECK(ratio <= forward_bound);
            }
            worst = std::max(worst, ratio);
        }
    }
    return worst;
}

TEST_CASE("the 243 combinations equal the oracle") {
    REQUIRE(problems.size() >= 20);
    const double worst_float = worst_of_all<float>(), worst_double = worst_of_all<double>();
    MESSAGE("largest error ratio: float ", worst_float, ", double ", worst_double, "; bound ", forward_bound);
    CHECK(worst_float <= forward_bound);
    CHECK(worst_double <= forward_bound);
    CHECK(worst_float > 0); // something was compared
}

TEST_CASE("combinations are numbered one to one") {
    std::set<std::string> names;
    for (Index number = 0; number < Rungs::combinations; ++number) names.insert(Rungs::numbered(number).name());
    CHECK(names.size() == 243);
    CHECK(Rungs::numbered(0) == Rungs(Rung::before));
    CHECK(Rungs::numbered(242) == Rungs(Rung::principled));
    CHECK(Rungs(Rung::before).with(Fix::double_computation, Rung::after).name() == "bbabb");
    CHECK(Rungs::numbered(9).name() == "bbabb");
}

TEST_CASE("a second call of every combination repeats the first bit by bit") {
    const PosedProblem<float> posed = pose<float>(problems[7]);
    for (Index number = 0; number < Rungs::combinations; ++number) {
        Pipeline<float> pipeline(posed.problem, Rungs::numbered(number));
        const Attention<float> first = run(pipeline, posed), second = run(pipeline, posed);
        CAPTURE(pipeline.rungs().name());
        CHECK((first.out.flat() == second.out.flat()).all());
        CHECK((first.lse.flat() == second.lse.flat()).all());
    }
}

TEST_CASE("property: any combination on any problem equals the oracle") {
    double worst = 0;
    const bool holds = rc::check("any combination on any problem equals the oracle", [&] {
        const auto in = [](Index low, Index high) { return *rc::gen::inRange<Index>(low, high + 1); };
        Question asked{in(1, 2), in(1, 40), 0, in(1, 3), in(1, 9), {}, {}, groups, group, *rc::gen::arbitrary<bool>(),
                       in(1, 45)};
        asked.heads = asked.kv_heads * in(1, 2);
        for (Index patterns = in(1, 3); patterns > 0; --patterns) {
            asked.segment_lengths.push_back(in(1, 45));
            asked.dilation_rates.push_back(in(1, std::min<Index>(asked.segment_lengths.back(), 6)));
        }
        asked.mode = *rc::gen::element(groups, mixture);
        asked.phase = *rc::gen::element(group, head, block);
        const PosedProblem<float> posed = pose<float>(asked, static_cast<std::uint64_t>(in(1, 1000)));
        const Rungs rungs = Rungs::numbered(in(0, Rungs::combinations - 1));
        RC_LOG() << rungs.name() << " N=" << asked.tokens << " R=" << asked.ranks;
        const double ratio = forward_ratio(posed, run(rungs, posed));
        worst = std::max(worst, ratio);
        RC_ASSERT(ratio <= forward_bound);
    });
    MESSAGE("largest error ratio ", worst, "; bound ", forward_bound);
    CHECK(holds);
}

} // namespace
} // namespace dra::published::test
