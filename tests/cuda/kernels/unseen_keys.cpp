#include "tests/cuda/kernels/single_pattern.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;

constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
constexpr Index D = 8, channel = 3;

/// q, k and v of one head, and what a kernel makes of them under a causal mask.
struct Causal {
    Causal(const AttentionKernel& kernel_, DType type_, Index tokens_) : kernel(kernel_), type(type_), N(tokens_) {
        clean = attend(q, k, v);
    }

    const AttentionKernel& kernel;
    const DType type;
    const Index N;
    const Tensor<float> q = random_normal<float>({1, N, 1, D}, 1), k = random_normal<float>({1, N, 1, D}, 2),
                        v = random_normal<float>({1, N, 1, D}, 3);
    Index tile_rows = 0; ///< rows per query tile
    Attention<float> clean;

    Attention<float> attend(const Tensor<float>& of_q, const Tensor<float>& of_k, const Tensor<float>& of_v) {
        SinglePattern one(of_q, of_k, of_v, type, {N, 1, 0}, true);
        one.run(kernel);
        tile_rows = kernel.rows_for(one.parameters);
        return one.result();
    }

    Index tile_begin(Index i) const { return i / tile_rows * tile_rows; }
    Index tile_end(Index i) const { return std::min(tile_begin(i) + tile_rows, N); }
};

Tensor<float> with(Tensor<float> tensor, Index token, float x) {
    tensor(0, token, 0, channel) = x;
    return tensor;
}

auto row(const Attention<float>& x, Index i) { return x.out.view().rows(0, 0).row(i).array(); }

bool all_nan(const Attention<float>& x, Index i) { return row(x, i).isNaN().all() && std::isnan(x.lse(0, 0, i)); }

bool same_row(const Attention<float>& x, const Attention<float>& y, Index i) {
    return (row(x, i) == row(y, i)).all() && x.lse(0, 0, i) == y.lse(0, 0, i);
}

/// Whether the rows differ by nothing but rounding.
bool like_row(const Attention<float>& x, const Attention<float>& y, Index i) {
    return (row(x, i) - row(y, i)).abs().maxCoeff() <= 0.02f && std::abs(x.lse(0, 0, i) - y.lse(0, 0, i)) <= 1e-4f;
}

constexpr Index tokens = 200;
constexpr std::pair<Index, float> poisons[] = {
    {100, nan}, {100, infinity}, {100, -infinity}, {131, nan}, {tokens - 1, nan}};

TEST_CASE("a row of q that is not finite reaches its own row alone") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        Causal given(kernel, type, tokens);
        const Attention<float> found = given.attend(with(given.q, 100, nan), given.k, given.v);
        for (Index i = 0; i < tokens; ++i) {
            CAPTURE(i);
            if (i == 100)
                CHECK(all_nan(found, i));
            else if (given.tile_begin(i) == given.tile_begin(100))
                CHECK(like_row(found, given.clean, i));
            else
                CHECK(same_row(found, given.clean, i));
        }
    });
}

TEST_CASE("a row of k that is not finite reaches the rows that see the key, and no others") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        Causal given(kernel, type, tokens);
        for (const auto& [key, x] : poisons) {
            CAPTURE(key);
            CAPTURE(x);
            const Attention<float> found = given.attend(given.q, with(given.k, key, x), given.v);
            for (Index i = 0; i < tokens; ++i) {
                CAPTURE(i);
                if (i >= key)
                    CHECK((all_nan(found, i) || std::isinf(x))); // a score of -inf weighs nothing
                else if (given.tile_end(i) > key)
                    CHECK(like_row(found, given.clean, i));
                else
                    CHECK(same_row(found, given.clean, i));
            }
        }
    });
}

/// How many rows before the key a row of v reaches. It must be those of the query tiles that meet its key tile.
Index rows_before(const AttentionKernel& kernel, Causal& given, Index key, float x) {
    CAPTURE(key);
    CAPTURE(x);
    const bool exact = kernel.takes_fp32; // naive and tiled
    const Attention<float> found = given.attend(given.q, given.k, with(given.v, key, x));
    Index before = 0;
    for (Index i = 0; i < given.N; ++i) {
        CAPTURE(i);
        const bool reached = exact ? i >= key : given.tile_end(i) > key / kernel.key_tile_rows * kernel.key_tile_rows;
        if (reached) {
            CHECK(!std::isfinite(row(found, i)[channel]));
            CHECK(row(found, i).isFinite().count() == D - 1);
            CHECK(std::abs(found.lse(0, 0, i) - given.clean.lse(0, 0, i)) <= 1e-4f);
        } else {
            CHECK(same_row(found, given.clean, i));
        }
        before += reached && i < key;
    }
    return before;
}

TEST_CASE("a row of v that is not finite reaches the rows that see the key, on tensor cores all of their tiles") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        Causal given(kernel, type, tokens);
        Index most = 0;
        for (const auto& [key, x] : poisons) most = std::max(most, rows_before(kernel, given, key, x));
        if (type == DType::bf16) MESSAGE(std::string(kernel.name), " reaches up to ", most, " rows before the key");
        CHECK(most < given.tile_end(0));
        CHECK((most == 0) == kernel.takes_fp32);
    });
}

TEST_CASE("tiles of three warpgroups are reached as a whole") {
    const AttentionKernel& kernel = *cuda::emulated::find_kernel("fixed_reference");
    Causal given(kernel, DType::bf16, 570);
    REQUIRE(given.tile_end(0) == kernel.three_warpgroup_rows);
    CHECK(rows_before(kernel, given, 300, nan) == 300 - kernel.three_warpgroup_rows);
}

TEST_CASE("what another segment, phase, head or batch holds reaches nothing") {
    const Pattern pattern{82, 2, 1}; // segments of 41 rows, which no tile ends with
    const Shape shape{2, 3 * 82, 4, D}, kv_shape{2, 3 * 82, 2, D};
    const auto spared = [](Index b, Index n, Index kv_head) {
        return b == 1 && n / 82 == 1 && n % 2 == 1 && kv_head == 1;
    };
    for_kernels([&](const AttentionKernel& kernel, DType type) {
        Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(kv_shape, 2),
                      v = random_normal<float>(kv_shape, 3);
        SinglePattern clean(q, k, v, type, pattern);
        clean.run(kernel);
        for (Tensor<float>* tensor : {&q, &k, &v})
            for (Index b = 0; b < shape.batch; ++b)
                for (Index h = 0; h < tensor->shape().heads; ++h)
                    for (Index n = 0; n < shape.tokens; ++n)
                        if (!spared(b, n, 2 * h / tensor->shape().heads))
                            tensor->view().rows(b, h).row(n).setConstant(nan);
        SinglePattern poisoned(q, k, v, type, pattern);
        poisoned.run(kernel);
        const Attention<float> expected = clean.result(), found = poisoned.result();
        for (const Index h : {2, 3})
            for (Index n = 83; n < 164; n += 2) {
                CHECK(found.out.view().rows(1, h).row(n) == expected.out.view().rows(1, h).row(n));
                CHECK(found.lse(1, h, n) == expected.lse(1, h, n));
            }
    });
}

TEST_CASE("in a mixture a row of k that is not finite reaches the rows that see the key through some pattern") {
    const Question asked{{1, 192, 2, D}, 2, {{192, 48}, {1, 2}, Mode::mixture, PhaseRule::head, true}, 1};
    for_kernels([&](const AttentionKernel& kernel, DType type) {
        RandomInputs<float> given(asked);
        given.k(0, 101, 1, channel) = nan;
        const Attention<float> found =
            cuda::attention(emulator(), given.problem, type, given.q, given.k, given.v, kernel.name);
        for (Index h = 0; h < 2; ++h)
            for (Index i = 0; i < 192; ++i) {
                const bool sees = h == 1 && times_seen(given.problem, 1, i, 101) > 0;
                const auto out = found.out.view().rows(0, h).row(i).array();
                CHECK(std::isnan(found.lse(0, h, i)) == sees);
                CHECK((sees ? out.isNaN().all() : out.isFinite().all()));
            }
    });
}

} // namespace
} // namespace dra::test
