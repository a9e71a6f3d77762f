#include "tests/cuda/kernels/single_pattern.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;

/// Tokens [first, first + count) of the sequence, which is what a rank has of it.
struct Held {
    Index first, count;
};

/// Queries of one rank over keys of another, as a ring brings them together.
struct RingStep {
    const char* what;
    Pattern pattern;
    Held queries, keys;
};

constexpr Index B = 2, H = 2;
constexpr Pattern undilated{1024, 1, 0}, dilated{1024, 2, 1}, ragged{96, 3, 1};

constexpr RingStep ring_steps[] = {
    {"the same tokens", dilated, {128, 140}, {128, 140}},
    {"earlier keys, all seen", dilated, {300, 140}, {16, 260}},
    {"earlier keys, that reach into the queries", undilated, {190, 150}, {100, 170}},
    {"a tile whose first row sees exactly the first 128 keys", undilated, {500, 140}, {373, 300}},
    {"keys that begin one row later", dilated, {128, 140}, {130, 140}},
    {"keys that begin much later", undilated, {100, 150}, {170, 100}},
    {"later keys, of which none is seen", dilated, {128, 140}, {300, 64}},
    {"segments that end inside, and one of which there is no key", ragged, {50, 170}, {10, 130}},
    {"keys before the first segment of the queries", ragged, {100, 60}, {0, 90}},
};

/// Whether a query sees a key, by their positions.
bool sees(const Pattern& pattern, bool causal, Index query, Index key) {
    const auto selected = [&](Index n) { return n % pattern.segment_length % pattern.dilation_rate == pattern.phase; };
    return selected(query) && selected(key) && query / pattern.segment_length == key / pattern.segment_length &&
           (!causal || key <= query);
}

/// What it should be, pair by pair, in double precision; (0, -inf) where a row sees no key.
Attention<double> expected(const RingStep& step, bool causal, const Tensor<double>& q, const Tensor<double>& k,
                           const Tensor<double>& v) {
    const Index n = q.shape().tokens, m = k.shape().tokens;
    const double scale = 1 / std::sqrt(static_cast<float>(q.shape().head_dim));
    Attention<double> result{Tensor<double>(q.shape()), {B, H, n}};
    for (Index b = 0; b < B; ++b)
        for (Index h = 0; h < H; ++h)
            for (Index i = 0; i < n; ++i) {
                Eigen::ArrayXd weights = (k.view().rows(b, 0) * q.view().rows(b, h).row(i).transpose()).array() * scale;
                for (Index j = 0; j < m; ++j)
                    if (!sees(step.pattern, causal, step.queries.first + i, step.keys.first + j))
                        weights[j] = -std::numeric_limits<double>::infinity();
                const double highest = weights.maxCoeff();
                result.lse(b, h, i) = highest;
                if (std::isinf(highest)) continue;
                weights = (weights - highest).exp();
                result.lse(b, h, i) = highest + std::log(weights.sum());
                result.out.view().rows(b, h).row(i) =
                    (weights / weights.sum()).matrix().transpose() * v.view().rows(b, 0);
            }
    return result;
}

/// The largest error of the rows that see a key, as a share of its bound. The kernel has not touched the others.
double share_of_bound(const Attention<float>& found, const Attention<double>& truth, DType type, double largest_value) {
    const double u = type == DType::f32 ? 0x1p-23 : type == DType::f16 ? 0x1p-11 : 0x1p-8;
    const double out_bound = (type == DType::f32 ? 64 : 2) * u * largest_value, // weights and results rounded once each
        lse_bound = type == DType::f32 ? 1e-5 : 1e-4;
    double worst = 0;
    for (Index b = 0; b < B; ++b)
        for (Index h = 0; h < H; ++h)
            for (Index i = 0; i < found.lse.shape()[2]; ++i) {
                const double lse = truth.lse(b, h, i);
                const Eigen::ArrayXd out = found.out.view().rows(b, h).row(i).cast<double>();
                CAPTURE(i);
                if (std::isinf(lse)) {
                    REQUIRE(out.isNaN().all());
                    REQUIRE(std::isnan(found.lse(b, h, i)));
                    continue;
                }
                const double error = (out - truth.out.view().rows(b, h).row(i).transpose().array()).abs().maxCoeff();
                const double lse_error = std::abs(found.lse(b, h, i) - lse) / std::max(1.0, std::abs(lse));
                REQUIRE(std::isfinite(error + lse_error));
                worst = std::max({worst, error / out_bound, lse_error / lse_bound});
            }
    return worst;
}

/// Whether clear_rows() has written (0, -inf) where nothing was, and nothing else.
bool cleared(const Attention<float>& before, const Attention<float>& after) {
    bool right = true;
    for (Index i = 0; i < before.lse.size(); ++i) {
        const float was = before.lse.flat()[i], is_now = after.lse.flat()[i];
        right = right && (std::isnan(was) ? is_now == -std::numeric_limits<float>::infinity() : is_now == was);
    }
    for (Index i = 0; i < before.out.size(); ++i) {
        const float was = before.out.flat()[i], is_now = after.out.flat()[i];
        right = right && (std::isnan(was) ? is_now == 0 : is_now == was);
    }
    return right;
}

TEST_CASE(
    "queries of one rank over keys of another are attended as their positions say, and rows that see none cleared") {
    for (const AttentionKernel& kernel : cuda::emulated::ladder()) {
        if (!kernel.takes_two_views) continue;
        const DType type = types_of(kernel).front();
        CAPTURE(std::string(kernel.name));
        double worst = 0;
        for (const Index D : {40, 72})
            for (const RingStep& ring : ring_steps)
                for (const bool causal : {false, true}) {
                    const Tensor<float> q = random_normal<float>({B, ring.queries.count, H, D}, 1, 2),
                                        k = random_normal<float>({B, ring.keys.count, 1, D}, 2),
                                        v = random_normal<float>({B, ring.keys.count, 1, D}, 3);
                    SinglePattern one(q, k, v, type, ring.pattern, causal, true);
                    one.parameters.first_token = static_cast<int>(ring.queries.first);
                    one.parameters.first_key_token = static_cast<int>(ring.keys.first);
                    one.parameters.key_tokens = static_cast<int>(ring.keys.count);
                    CAPTURE(std::string(ring.what));
                    CAPTURE(causal);
                    CAPTURE(D);
                    one.run(kernel);
                    const auto widened = [&](const Tensor<float>& x) { return cuda::rounded(x, type).cast<double>(); };
                    const Attention<double> truth = expected(ring, causal, widened(q), widened(k), widened(v));
                    const Attention<float> found = one.result();
                    worst = std::max(worst, share_of_bound(found, truth, type, v.flat().abs().maxCoeff()));
                    one.clear();
                    CHECK(cleared(found, one.result()));
                }
        MESSAGE(std::string(kernel.name), ", ", cuda::type_name(type), ": largest error ", worst, " of the bound");
        CHECK(worst <= 1);
    }
}

TEST_CASE("a kernel that takes one view says so, and the fastest that takes two is found in its place") {
    cuda::Parameters parameters{};
    parameters.batch = parameters.heads = parameters.kv_heads = parameters.kv_head_count = 1;
    parameters.tokens = parameters.key_tokens = parameters.segment_length = parameters.first_token = 64;
    parameters.dilation_rate = 1;
    parameters.head_dim = 64;
    std::string refusing;
    for (const AttentionKernel& kernel : cuda::emulated::ladder())
        if (const std::string why = why_not(kernel, DType::bf16, parameters, 90); !why.empty()) {
            refusing += std::string(kernel.name) + " ";
            CHECK(why == std::string("kernel `") + kernel.name +
                             "` needs q, k and v of the same tokens, and here q holds those from 64 on, k and v those "
                             "from 0 on");
        }
    CHECK(refusing == "naive tensor_core pipelined hopper warp_specialized overlapped balanced all_patterns ");
    const auto best = [&](DType type, int architecture) {
        return std::string(cuda::emulated::best_kernel(type, parameters, architecture).name);
    };
    CHECK(best(DType::bf16, 90) == "fixed_reference");
    CHECK(best(DType::bf16, 80) == "wide");
    CHECK(best(DType::f32, 90) == "tiled");
}

} // namespace
} // namespace dra::test
