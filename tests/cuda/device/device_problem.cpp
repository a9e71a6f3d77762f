#include "cuda/device/device_problem.hpp"
#include "reference/definition/pattern.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

namespace dra::test {
namespace {

using cuda::DeviceProblem;
using cuda::Parameters;

Index phase_of(const Parameters& p, Index g) {
    return p.phase_rule == PhaseRule::group  ? p.phase
           : p.phase_rule == PhaseRule::head ? g % p.dilation_rate
                                             : g / p.phase_block;
}

/// Whether a kernel that is told `p` selects row n in KV head g, by the definition.
bool selects(const Parameters& p, Index g, Index n) {
    const Index in_segment = n % p.segment_length, o = phase_of(p, g);
    return in_segment >= o && (in_segment - o) % p.dilation_rate == 0;
}

bool selects(const Problem& problem, Index pattern, Index g, Index n) {
    const Pattern as_used = pattern_of(problem, pattern, g);
    const Positions rows = as_used.selected(n / as_used.segment_length, problem.tokens);
    for (Index t = 0; t < rows.count; ++t)
        if (rows[t] == n) return true;
    return false;
}

Problem problem_of(const Question& asked) {
    return validate(asked.configuration,
                    info<float>({Tensor<float>(asked.q), Tensor<float>(asked.kv()), Tensor<float>(asked.kv())}));
}

/// How often each row of each KV head is attended, and how often it is cleared.
struct Coverage {
    std::map<std::pair<Index, Index>, Index> attended, cleared;
};

Coverage coverage(const Problem& problem, const DeviceProblem& on_device) {
    Coverage found;
    for (const auto& [p, selects_any, leaves_rows_between, pattern] : on_device.patterns)
        for (Index g = p.first_kv_head; g < p.first_kv_head + p.kv_head_count; ++g)
            for (Index n = 0; n < problem.tokens; ++n) {
                const bool selected = selects(p, g, n);
                found.attended[{g, n}] += selected && selects_any;
                found.cleared[{g, n}] += !selected && (leaves_rows_between || !selects_any);
            }
    return found;
}

/// The coverage that the reference's own words ask for.
Coverage expected(const Problem& problem) {
    Coverage right;
    for (Index g = 0; g < problem.kv_heads; ++g)
        for (Index n = 0; n < problem.tokens; ++n) {
            right.attended[{g, n}] = right.cleared[{g, n}] = 0;
            for (Index i = 0; i < problem.patterns(); ++i) {
                if (!uses(problem, i, g)) continue;
                const bool selected = selects(problem, i, g, n);
                right.attended[{g, n}] += selected;
                right.cleared[{g, n}] += !selected;
            }
        }
    return right;
}

} // namespace

TEST_CASE("dropout is refused, which the kernels have not") {
    Question asked{{1, 8, 1, 8}, 1, {{8}, {1}}};
    CHECK(cuda::device_problem(problem_of(asked)).patterns.size() == 1);
    asked.configuration.dropout = 0.5;
    CHECK_THROWS_AS(cuda::device_problem(problem_of(asked)), PatternError);
}

TEST_CASE("every pattern attends each row that it selects exactly once, and clears exactly the others") {
    Index rows = 0, empty_groups = 0, nothing_selected = 0;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        const Question asked = draw_question(SeededDraw(seed));
        CAPTURE(asked);
        const Problem problem = problem_of(asked);
        const DeviceProblem on_device = cuda::device_problem(problem);
        const Coverage found = coverage(problem, on_device), right = expected(problem);
        REQUIRE(found.attended == right.attended);
        REQUIRE(found.cleared == right.cleared);
        rows += static_cast<Index>(found.attended.size());
        empty_groups += static_cast<Index>(on_device.patterns.size()) < problem.patterns();
        nothing_selected += std::ranges::any_of(on_device.patterns, [](const auto& p) { return !p.selects_any; });
    }
    MESSAGE(rows, " rows; problems with an empty group: ", empty_groups,
            ", with a pattern that selects nothing: ", nothing_selected);
    CHECK(empty_groups > 0);
    CHECK(nothing_selected > 0);
}

TEST_CASE("the patterns of a mixture come least dilated first, and share every head") {
    const Problem problem = problem_of({{1, 64, 4, 8}, 2, {{8, 16, 32}, {4, 1, 2}, Mode::mixture}});
    const DeviceProblem on_device = cuda::device_problem(problem);
    CHECK(on_device.mixed);
    REQUIRE(on_device.patterns.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(on_device.patterns[i].parameters.dilation_rate == (1 << i));
        CHECK(on_device.patterns[i].parameters.kv_head_count == 2);
        CHECK(on_device.patterns[i].leaves_rows_between == (i > 0));
    }
    CHECK(!cuda::device_problem(problem_of({{1, 64, 4, 8}, 2, {{8}, {4}, Mode::mixture}}))
               .mixed); // one is merged with none
}

TEST_CASE("a pattern far longer than int counts selects what it did") {
    const Index huge = Index{1} << 40;
    for (const PhaseRule rule : {PhaseRule::group, PhaseRule::head, PhaseRule::head_block}) {
        const Problem problem = problem_of({{1, 5, 8, 2}, 8, {{huge, huge, huge}, {huge, 3, 7}, Mode::groups, rule}});
        const DeviceProblem on_device = cuda::device_problem(problem);
        const Coverage found = coverage(problem, on_device), right = expected(problem);
        CHECK(found.attended == right.attended);
        CHECK(found.cleared == right.cleared);
        for (const auto& pattern : on_device.patterns) {
            CHECK(pattern.parameters.segment_length == 9);
            CHECK(pattern.parameters.dilation_rate <= pattern.parameters.segment_length);
        }
    }
}

TEST_CASE("sizes that kernels cannot count are refused, each with its name") {
    const auto refusal = [](auto change) {
        Problem problem = problem_of({{1, 4, 2, 2}, 1, {{4}, {1}}});
        change(problem);
        try {
            cuda::device_problem(problem);
        } catch (const ShapeError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const std::string rule = ": must be at most 1000000000 on a device";
    const Index many = 1'000'000'001;
    CHECK(refusal([&](Problem& p) { p.batch = many; }) == "B = 1000000001" + rule);
    CHECK(refusal([&](Problem& p) { p.tokens = many; }) == "N = 1000000001" + rule);
    CHECK(refusal([&](Problem& p) { p.heads = many; }) == "H = 1000000001" + rule);
    CHECK(refusal([&](Problem& p) { p.head_dim = many; }) == "D = 1000000001" + rule);
    CHECK(refusal([&](Problem& p) { p.batch = many - 1; }) == "B*H = 2000000000" + rule);
    CHECK(refusal([&](Problem& p) { p.tokens = many - 1; }) == "");
}

} // namespace dra::test
