#include "tests/cuda/kernels/single_pattern.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

bool selected(const Pattern& pattern, Index position) {
    const Index after_phase = position % pattern.segment_length - pattern.phase;
    return after_phase >= 0 && after_phase % pattern.dilation_rate == 0;
}

/// Patterns with ragged tails, a last segment that ends before the phase, and more than one tile.
const Pattern patterns[] = {{40, 4, 3}, {50, 7, 6}, {12, 5, 4}, {300, 3, 2}, {9, 9, 8}};
/// And such as tensor maps can describe.
const Pattern dividing[] = {{41, 41, 3}, {205, 5, 4}, {1, 1, 0}};

template <class Visit> void for_kernels_and_patterns(Visit visit) {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        const auto tell = [&](const Pattern& pattern) {
            CAPTURE(std::string(kernel.name));
            CAPTURE(pattern.segment_length);
            CAPTURE(pattern.dilation_rate);
            visit(kernel, pattern);
        };
        for (const Pattern& pattern : dividing) tell(pattern);
        if (kernel.takes_any_segments)
            for (const Pattern& pattern : patterns) tell(pattern);
    }
}

constexpr Shape shape{1, 205, 2, 24};

TEST_CASE(
    "a kernel writes the rows that the pattern selects, and clear_rows the others, without a look at any tensor") {
    for_kernels_and_patterns([](const AttentionKernel& kernel, const Pattern& pattern) {
        const Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                            v = random_normal<float>(shape, 3);
        SinglePattern one(q, k, v, DType::bf16, pattern, true);
        one.run(kernel);
        const Attention<float> after_kernel = one.result();
        const Counted counted;
        one.clear();
        CHECK(counted->loads == 0);
        const Attention<float> both = one.result();
        for (Index head = 0; head < shape.heads; ++head)
            for (Index i = 0; i < shape.tokens; ++i) {
                const auto row = [&](const Attention<float>& result) {
                    return result.out.view().rows(0, head).row(i).array();
                };
                const float lse = both.lse(0, head, i);
                if (selected(pattern, i)) {
                    CHECK(row(after_kernel).isFinite().all());
                    CHECK((row(after_kernel) == row(both)).all());
                    CHECK(std::isfinite(lse));
                } else {
                    CHECK(row(after_kernel).isNaN().all()); // untouched
                    CHECK((row(both) == 0).all());
                    CHECK(lse == -std::numeric_limits<float>::infinity());
                }
            }
    });
}

TEST_CASE("NaN in rows that the pattern does not select changes no bit of what it selects") {
    for_kernels_and_patterns([](const AttentionKernel& kernel, const Pattern& pattern) {
        Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                      v = random_normal<float>(shape, 3);
        SinglePattern clean(q, k, v, DType::f16, pattern);
        clean.run(kernel);
        for (Index i = 0; i < shape.tokens; ++i)
            if (!selected(pattern, i))
                for (Tensor<float>* tensor : {&q, &k, &v})
                    for (Index head = 0; head < shape.heads; ++head)
                        tensor->view().rows(0, head).row(i).setConstant(nan);
        SinglePattern poisoned(q, k, v, DType::f16, pattern);
        poisoned.run(kernel);
        clean.clear();
        poisoned.clear();
        CHECK(same(clean.result(), poisoned.result()));
    });
}

TEST_CASE("heads that do not use the pattern stay untouched, by the kernel and by clear_rows") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        CAPTURE(std::string(kernel.name));
        const Tensor<float> q = random_normal<float>({1, 40, 6, 16}, 1), k = random_normal<float>({1, 40, 3, 16}, 2),
                            v = random_normal<float>({1, 40, 3, 16}, 3);
        SinglePattern one(q, k, v, DType::bf16, {20, 2, 1});
        one.parameters.first_kv_head = 1;
        one.parameters.kv_head_count = 1;
        one.run(kernel);
        one.clear();
        const Attention<float> found = one.result();
        for (Index head = 0; head < 6; ++head) {
            const bool uses = head / 2 == 1;
            CHECK(found.out.view().rows(0, head).array().isNaN().any() == !uses);
            CHECK(found.out.view().rows(0, head).array().isNaN().all() == !uses);
        }
    }
}

} // namespace
} // namespace dra::test
