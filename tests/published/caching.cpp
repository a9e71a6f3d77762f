#include "reference/definition/pattern.hpp"
#include "tests/published/problems.hpp"

#include <doctest/doctest.h>

namespace dra::published::test {
namespace {

TEST_CASE("above 100 masks the 50 oldest go, first in first out") {
    Counts counted;
    fix_5::MaskCache cache(fix_1::after);
    const auto filled = [&](Index offset) { // whether asking for this mask fills it
        const Index elements = counted.mask_elements;
        CHECK(cache.get(4, 2, offset, counted).chunk_offset == offset);
        return counted.mask_elements > elements;
    };
    for (Index offset = 0; offset < 100; ++offset) CHECK(filled(offset));
    CHECK(cache.size() == 100);
    CHECK(cache.bytes() == 100 * 4 * 2);
    CHECK(!filled(0)); // being used does not save the oldest
    CHECK(filled(100));
    CHECK(cache.size() == 51);
    CHECK(!filled(50));
    CHECK(!filled(100));
    CHECK(filled(49));
    CHECK(filled(0));
    CHECK(cache.size() == 53);
}

TEST_CASE("a mask is kept for its sizes and its offset") {
    Counts counted;
    fix_5::MaskCache cache(fix_1::after);
    for (const auto& [n_q, n_kv, offset] : {std::array<Index, 3>{8, 4, 0}, {8, 4, 4}, {8, 5, 4}, {9, 5, 4}}) {
        const CausalMask& mask = cache.get(n_q, n_kv, offset, counted);
        CHECK((mask.dense == fix_1::before(n_q, n_kv, offset).dense).all());
    }
    CHECK(cache.size() == 4);
}

TEST_CASE("a ring of 101 chunks fills the cache and evicts, and stays right") {
    const PosedProblem<double> posed =
        pose<double>({1, 101, 1, 1, 4, {101}, {1}, Mode::groups, PhaseRule::group, true, 101});
    Pipeline<double> pipeline(posed.problem, Rungs(Rung::after));
    for (const Index refilled : {101, 101}) { // what the second call asks for first is what went
        CHECK(forward_ratio(posed, run(pipeline, posed)) <= forward_bound);
        CHECK(pipeline.counts().mask_elements == refilled * 101);
    }
    CHECK(pipeline.counts().mask_bytes_kept <= 100 * 101);
    CHECK(pipeline.counts().mask_bytes_kept >= 51 * 101);
}

TEST_CASE("head ranges in closed form are the listed ones") {
    Index compared = 0;
    for (Index kv_heads = 1; kv_heads <= 12; ++kv_heads)
        for (Index patterns = 1; patterns <= 6; ++patterns)
            for (const Mode mode : {Mode::groups, Mode::mixture}) {
                const Tensor<float> x = random_normal<float>({1, 1, kv_heads, 1}, 1);
                Configuration configuration;
                configuration.mode = mode;
                configuration.segment_lengths.assign(static_cast<std::size_t>(patterns), 4);
                configuration.dilation_rates.assign(static_cast<std::size_t>(patterns), 1);
                const Problem problem = validate(configuration, info<float>({x, x, x}));
                Counts counted;
                const auto listed = fix_5::head_groups(problem, counted);
                CHECK(counted.head_groups == patterns);
                for (Index i = 0; i < patterns; ++i, ++compared) {
                    const Interval range = fix_5::head_range(problem, i);
                    CHECK(range == listed[i]);
                    for (Index g = 0; g < kv_heads; ++g)
                        CHECK((range.begin <= g && g < range.end) == uses(problem, i, g));
                }
            }
    CHECK(compared == 12 * 21 * 2);
}

} // namespace
} // namespace dra::published::test
