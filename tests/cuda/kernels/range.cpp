#include "cuda/device/range.hpp"
#include "tests/cuda/kernels/problems.hpp"

#include <functional>
#include <numbers>

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;

constexpr Index N = 192, D = 8;

/// One head whose rows of q, k and v are constant, so that the score of key n is D query key(n).
struct Edge {
    float query;
    std::function<float(Index)> key, value;
    double scale;
};

/// What became of a problem.
struct Found {
    bool within, finite; ///< the range allows it; its results are finite
    double error;        ///< the larger error: of out, as a share of the largest |out|, or of lse, of the largest score
};

/// What the range says of such a problem, and what a kernel makes of it.
Found attend(const AttentionKernel& kernel, DType type, const Edge& edge) {
    const Shape shape{1, N, 1, D};
    Tensor<float> q(shape, edge.query), k(shape), v(shape);
    for (Index n = 0; n < N; ++n) {
        k.view().rows(0, 0).row(n).setConstant(edge.key(n));
        v.view().rows(0, 0).row(n).setConstant(edge.value(n));
    }
    q = cuda::rounded(q, type);
    k = cuda::rounded(k, type);
    v = cuda::rounded(v, type);
    const Problem problem =
        validate({.segment_lengths = {N}, .dilation_rates = {1}, .causal = true, .softmax_scale = edge.scale},
                 info<float>({q, k, v}));
    Found found{};
    try {
        cuda::check_range(problem, type, q, k, v);
        found.within = true;
    } catch (const ShapeError&) {
        found.within = false;
    }
    const Attention<float> result = cuda::attention(emulator(), problem, type, q, k, v, kernel.name);
    const Oracle truth = oracle<float>(problem, {q, k, v});
    const auto error = [](const auto& x, const Eigen::ArrayXd& y, double least) {
        return (x.template cast<double>() - y).abs().maxCoeff() / std::max(y.abs().maxCoeff(), least);
    };
    found.finite = result.out.flat().isFinite().all() && result.lse.flat().isFinite().all();
    found.error = std::max(error(result.out.flat(), truth.attention.out.flat(), 0),
                           error(result.lse.flat(), truth.attention.lse.flat(), 1));
    return found;
}

void check_right(const AttentionKernel& kernel, DType type, const Edge& edge) {
    const Found found = attend(kernel, type, edge);
    CHECK(found.within);
    CHECK(found.finite);
    CHECK(found.error <= 0x1p-7); // weights and out are rounded to bf16
}

/// Checks a problem beyond the range, which breaks the kernels that it is made for.
void check_breaks(const AttentionKernel& kernel, DType type, const Edge& edge, bool breaks) {
    const Found found = attend(kernel, type, edge);
    CHECK(!found.within);
    CHECK(found.finite == !breaks);
}

bool on_tensor_cores(const AttentionKernel& kernel) { return !kernel.takes_fp32; }

float one(Index) { return 1; }
float some(Index n) { return static_cast<float>(n % 7); }

/// Weights of 2^7.9 in the middle of the keys, which kernels begin from either end.
Edge large_sums(double sum) {
    const auto value = static_cast<float>(sum / N);
    return {1, [](Index n) { return n / 64 == 1 ? 7.875f : 0.f; }, [=](Index) { return value; }, std::numbers::ln2 / D};
}

TEST_CASE("sums of values at the edge of the range are right, and from 2^3 or, in float, 2^11 beyond it are infinite") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        if (type == DType::f16) return; // ends long before
        check_right(kernel, type, large_sums(cuda::largest_value_sum * 0.99));
        check_breaks(kernel, type, large_sums(cuda::largest_value_sum * (on_tensor_cores(kernel) ? 0x1p3 : 0x1p11)),
                     true);
    });
}

/// Weights that fp16 rounds up by 2^-11 of them, but for two keys', at which a row's maximum lies.
Edge rounded_up(double value) {
    return {1, [](Index n) { return n == 0 || n == N - 1 ? 0 : -0.99902344f; },
            [=](Index) { return static_cast<float>(value); }, std::numbers::ln2 / D};
}

TEST_CASE("the largest value of fp16 in the range stays finite where weights are rounded up, and the next does not") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        if (type != DType::f16) return;
        check_right(kernel, type, rounded_up(cuda::largest_fp16_value));
        check_breaks(kernel, type, rounded_up(65504), on_tensor_cores(kernel));
    });
}

/// Every score is `score`, or with the sign of its key's number; no product with c is exact.
Edge equal_scores(double score, double scale, bool with_signs = false) {
    const double query = std::exp2(std::min(std::floor(std::log2(score) / 2), 14.0));
    const auto key = static_cast<float>(score / D / query);
    return {static_cast<float>(query), [=](Index n) { return with_signs && n % 2 == 1 ? -key : key; }, some, scale};
}

TEST_CASE("scores at the edge of the range are right, whatever the scale makes of them") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        const double score = type == DType::f16 ? 0x1p30 : cuda::largest_score;
        const double scale = cuda::largest_exponent / score * std::numbers::ln2 * 0.99;
        for (const bool with_signs : {false, true})
            for (const double of_scale : {0.0, 1.0}) {
                CAPTURE(with_signs);
                CAPTURE(of_scale);
                check_right(kernel, type, equal_scores(score, of_scale * scale, with_signs));
            }
        check_right(kernel, type, equal_scores(score, -scale, true));
        check_right(kernel, type, equal_scores(1.3, cuda::largest_exponent / 2));
        check_right(kernel, type, {0, one, some, cuda::largest_scale});
    });
}

TEST_CASE("an exponent far beyond the range is wrong by more than a weight can hold, on tensor cores") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        const double exponent = 0x1p38;
        check_breaks(kernel, type, equal_scores(1.3 * 0x1p28, exponent * 0x1p-28 * 0.9), on_tensor_cores(kernel));
    });
}

} // namespace
} // namespace dra::test
