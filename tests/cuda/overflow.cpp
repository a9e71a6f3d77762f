#include "tests/cuda/problems.hpp"
#include "tests/cuda/single_pattern.hpp"

namespace dra::test {
namespace {

using cuda::Type;
using cuda::emulated::Step;

/// Keys of the first third `factor` times as long: blocks of keys come from the last to
/// the first, so scores rise far above those of a tile's first block.
Inputs<float> rising_scores(Index head_dim, bool causal, float factor) {
    Inputs<float> given({{1, 200, 1, head_dim}, 1, {{200}, {1}, Mode::groups, {}, causal}, 11});
    given.k.view().rows(0, 0).topRows(60) *= factor;
    return given;
}

TEST_CASE("scores that rise far above a tile's first block change no step's accuracy") {
    for (const Step& step : cuda::emulated::ladder()) {
        if (step.warpgroup_rows == 0) continue;
        double worst = 0;
        for (const Type type : types_of(step))
            for (const Index head_dim : {64, 128})
                for (const bool causal : {false, true})
                    for (const float factor : {8.f, 60.f}) {
                        const Inputs<float> given = rising_scores(head_dim, causal, factor);
                        const auto result =
                            cuda::attention(emulator(), given.problem, type, given.q, given.k, given.v, step.name);
                        const double share = share_of_bound(given.problem, type, given.q, given.k, given.v, result);
                        CAPTURE(std::string(step.name));
                        CAPTURE(cuda::name(type));
                        CAPTURE(head_dim);
                        CAPTURE(causal);
                        CAPTURE(factor);
                        CHECK(share <= 1);
                        worst = std::max(worst, share);
                    }
        MESSAGE(std::string(step.name), ": largest error ", worst, " of the bound");
    }
}

/// Key tiles that were multiplied.
std::uint64_t tiles_done(const Step& step, Type type, float of_scores, float of_values) {
    const Shape shape{1, 256, 1, 64};
    Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                  v = random_normal<float>(shape, 3);
    k.view().rows(0, 0).topRows(128) *= of_scores;
    v.flat() *= of_values;
    SinglePattern one(q, k, v, type, {256, 1, 0});
    const Counted counted;
    one.run(step);
    CHECK(one.result().out.flat().isFinite().all());
    return counted->tensor_flops / static_cast<std::uint64_t>(4 * 64 * step.wide_tile_rows * step.key_tile_rows);
}

TEST_CASE("fixed_reference does a tile again where its weights or outputs go beyond their type, and no other") {
    const Step& step = *cuda::emulated::find_step("fixed_reference");
    const std::uint64_t once = 2 * 2; // query tiles, key tiles
    for (const Type type : {Type::bf16, Type::fp16}) {
        CHECK(tiles_done(step, type, 1, 1) == once);
        CHECK(tiles_done(step, type, 40, 1) == 2 * once);
    }
    CHECK(tiles_done(step, Type::fp16, 5, 1) > once); // beyond 2^16, not beyond 2^64
    CHECK(tiles_done(step, Type::bf16, 5, 1) == once);
    CHECK(tiles_done(step, Type::bf16, 8, 1e30f) == 2 * once); // weights below 2^64, times values
}

} // namespace
} // namespace dra::test
