#include "tests/cuda/kernels/problems.hpp"
#include "tests/cuda/kernels/single_pattern.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;

/// Keys of the first third `factor` times as long: blocks of keys come from the last to
/// the first, so scores rise far above those of a tile's first block.
RandomInputs<float> rising_scores(Index head_dim, bool causal, float factor) {
    RandomInputs<float> given({{1, 200, 1, head_dim}, 1, {{200}, {1}, Mode::groups, {}, causal}, 11});
    given.k.view().rows(0, 0).topRows(60) *= factor;
    return given;
}

TEST_CASE("scores that rise far above a tile's first block change no kernel's accuracy") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        if (kernel.warpgroup_rows == 0) continue;
        double worst = 0;
        for (const DType type : types_of(kernel))
            for (const Index head_dim : {64, 128})
                for (const bool causal : {false, true})
                    for (const float factor : {8.f, 60.f}) {
                        const RandomInputs<float> given = rising_scores(head_dim, causal, factor);
                        const auto result =
                            cuda::attention(emulator(), given.problem, type, given.q, given.k, given.v, kernel.name);
                        const double share = share_of_bound(given.problem, type, given.q, given.k, given.v, result);
                        CAPTURE(std::string(kernel.name));
                        CAPTURE(cuda::type_name(type));
                        CAPTURE(head_dim);
                        CAPTURE(causal);
                        CAPTURE(factor);
                        CHECK(share <= 1);
                        worst = std::max(worst, share);
                    }
        MESSAGE(std::string(kernel.name), ": largest error ", worst, " of the bound");
    }
}

/// The number of key tiles that were multiplied.
std::uint64_t tiles_done(const AttentionKernel& kernel, DType type, float of_scores, float of_values) {
    const Shape shape{1, 256, 1, 64};
    Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                  v = random_normal<float>(shape, 3);
    k.view().rows(0, 0).topRows(128) *= of_scores;
    v.flat() *= of_values;
    SinglePattern one(q, k, v, type, {256, 1, 0});
    const Counted counted;
    one.run(kernel);
    CHECK(one.result().out.flat().isFinite().all());
    const int tile_rows = kernel.rows_for(one.parameters);
    return counted->tensor_flops / static_cast<std::uint64_t>(4 * 64 * tile_rows * kernel.key_tile_rows);
}

TEST_CASE("fixed_reference does a tile again where its weights or outputs go beyond their type, and no other") {
    const AttentionKernel& kernel = *cuda::emulated::find_kernel("fixed_reference");
    const std::uint64_t once = 2 * 2; // query tiles, key tiles
    for (const DType type : {DType::bf16, DType::f16}) {
        CHECK(tiles_done(kernel, type, 1, 1) == once);
        CHECK(tiles_done(kernel, type, 40, 1) == 2 * once);
    }
    CHECK(tiles_done(kernel, DType::f16, 5, 1) > once); // beyond 2^16, not beyond 2^64
    CHECK(tiles_done(kernel, DType::bf16, 5, 1) == once);
    CHECK(tiles_done(kernel, DType::bf16, 8, 1e30f) == 2 * once); // weights below 2^64, times values
}

TEST_CASE("a tile of three warpgroups under a causal mask is done again where it must be") {
    const Index rows = 570; // of which tiles of three warpgroups waste no more than those of two
    const Shape shape{1, rows, 1, 64};
    Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                  v = random_normal<float>(shape, 3);
    const Problem problem =
        validate({.segment_lengths = {rows}, .dilation_rates = {1}, .causal = true}, info<float>({q, k, v}));
    const AttentionKernel& kernel = *cuda::emulated::find_kernel("fixed_reference");
    const auto tiles = [&] {
        const Counted counted;
        const auto result = cuda::attention(emulator(), problem, DType::bf16, q, k, v, kernel.name);
        CHECK(share_of_bound(problem, DType::bf16, q, k, v, result) <= 1);
        return counted->tensor_flops /
               static_cast<std::uint64_t>(4 * 64 * kernel.three_warpgroup_rows * kernel.key_tile_rows);
    };
    std::uint64_t once = 0;
    for (Index row = 0; row < rows; row += kernel.three_warpgroup_rows)
        once += (std::min<Index>(row + kernel.three_warpgroup_rows, rows) + 127) / 128;
    CHECK(tiles() == once);
    k.view().rows(0, 0).topRows(128) *= 40; // what a tile sees last; the first one begins with it
    CHECK(tiles() > once);
}

TEST_CASE("tiles of a mixture that are done again are merged once") {
    for (const DType type : {DType::bf16, DType::f16})
        for (const Index head_dim : {64, 128}) {
            CAPTURE(cuda::type_name(type));
            CAPTURE(head_dim);
            RandomInputs<float> given(
                {{1, 300, 2, head_dim}, 1, {{300, 150, 100}, {1, 2, 3}, Mode::mixture, {}, false}, 12});
            given.k.view().rows(0, 0).topRows(60) *= 40;
            const auto result =
                cuda::attention(emulator(), given.problem, type, given.q, given.k, given.v, "all_patterns");
            CHECK(share_of_bound(given.problem, type, given.q, given.k, given.v, result) <= 1);
        }
}

} // namespace
} // namespace dra::test
