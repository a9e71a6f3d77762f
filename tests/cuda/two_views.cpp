#include "reference/attention/attend.hpp"
#include "tests/cuda/single_pattern.hpp"

namespace dra::test {
namespace {

using cuda::emulated::Step;

/// Tokens [first, first + count) of the sequence, which is what a rank has of it.
struct Shard {
    Index first, count;

    /// Where the rows of these positions lie in the shard's tensors.
    Positions rows(const Positions& positions) const {
        return positions.within(first, first + count).relative_to(first);
    }
};

/// Queries of one shard over keys of another, as a ring brings them together.
struct RingStep {
    const char* what;
    Pattern pattern;
    Shard queries, keys;
};

constexpr Index D = 40, H = 2;
constexpr Pattern undilated{1024, 1, 0}, dilated{1024, 2, 1}, ragged{96, 3, 1};

constexpr RingStep ring_steps[] = {
    {"the same tokens: shift 1", dilated, {128, 140}, {128, 140}},
    {"earlier keys, all seen", dilated, {300, 140}, {16, 260}},
    {"earlier keys, that reach into the queries: shift above 1", undilated, {190, 150}, {100, 170}},
    {"a row that sees exactly the first 128 keys", undilated, {500, 140}, {373, 300}},
    {"keys that begin one row later: shift 0", dilated, {128, 140}, {130, 140}},
    {"keys that begin much later: shift below 0", undilated, {100, 150}, {170, 100}},
    {"later keys, of which none is seen", dilated, {128, 140}, {300, 64}},
    {"segments that end inside, and one of which there is no key", ragged, {50, 170}, {10, 130}},
    {"keys before the first segment of the queries", ragged, {100, 60}, {0, 90}},
};

/// What the CPU makes of it in double precision; NaN where the pattern selects nothing.
Attention<double> expected(const RingStep& step, bool causal, const Tensor<double>& q, const Tensor<double>& k,
                           const Tensor<double>& v) {
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    Attention<double> result{Tensor<double>(q.shape(), nan), {1, H, q.shape().tokens}};
    result.lse.flat().setConstant(nan);
    const auto [w, r, o] = step.pattern;
    const double scale = 1 / std::sqrt(static_cast<float>(D));
    for (Index begin = 0; begin < step.queries.first + step.queries.count; begin += w) {
        const Positions selected{begin + o, r, ceil_div(w - o, r)};
        const Positions queries = step.queries.rows(selected), keys = step.keys.rows(selected);
        const Visibility visibility{{queries.first + step.queries.first, r, queries.count},
                                    {keys.first + step.keys.first, r, keys.count},
                                    causal};
        for (Index h = 0; h < H && !queries.empty(); ++h)
            attend<double>(q.view().rows(0, h, queries), k.view().rows(0, 0, keys), v.view().rows(0, 0, keys),
                           visibility, scale, {result.out.view().rows(0, h, queries), result.lse.rows(0, h, queries)});
    }
    return result;
}

/// The largest error of the rows that see a key, as a share of its bound; all others must be exactly what they should.
double share_of_bound(const Attention<float>& found, const Attention<double>& truth, DType type, double largest_value) {
    const double u = type == DType::f32 ? 0x1p-23 : type == DType::f16 ? 0x1p-11 : 0x1p-8;
    const double out_bound = (type == DType::f32 ? 64 : 2) * u * largest_value, // weights and results rounded once each
        lse_bound = type == DType::f32 ? 1e-5 : 1e-4;
    double worst = 0;
    for (Index h = 0; h < H; ++h)
        for (Index i = 0; i < found.lse.shape()[2]; ++i) {
            const double lse = truth.lse(0, h, i);
            const auto out = found.out.view().rows(0, h).row(i).cast<double>().eval();
            CAPTURE(i);
            if (std::isnan(lse)) { // not selected, and so not touched
                REQUIRE(out.array().isNaN().all());
                REQUIRE(std::isnan(found.lse(0, h, i)));
            } else if (std::isinf(lse)) { // sees no key
                REQUIRE((out.array() == 0).all());
                REQUIRE(found.lse(0, h, i) == -std::numeric_limits<float>::infinity());
            } else {
                const double error = (out - truth.out.view().rows(0, h).row(i)).cwiseAbs().maxCoeff();
                const double lse_error = std::abs(found.lse(0, h, i) - lse) / std::max(1.0, std::abs(lse));
                REQUIRE(std::isfinite(error + lse_error));
                worst = std::max({worst, error / out_bound, lse_error / lse_bound});
            }
        }
    return worst;
}

TEST_CASE("queries of one shard over keys of another are attended as their positions say, by every step") {
    for_steps([](const Step& step, DType type) {
        double worst = 0;
        int ran = 0;
        for (const RingStep& ring : ring_steps)
            for (const bool causal : {false, true}) {
                const Tensor<float> q = random_normal<float>({1, ring.queries.count, H, D}, 1, 2),
                                    k = random_normal<float>({1, ring.keys.count, 1, D}, 2),
                                    v = random_normal<float>({1, ring.keys.count, 1, D}, 3);
                SinglePattern one(q, k, v, type, ring.pattern, causal, true);
                one.parameters.first_token = static_cast<int>(ring.queries.first);
                one.parameters.first_key_token = static_cast<int>(ring.keys.first);
                CAPTURE(std::string(ring.what));
                CAPTURE(causal);
                if (!why_not_segments(step, one.parameters).empty()) continue; // hopper, and segments that end inside
                one.run(step);
                const auto widened = [&](const Tensor<float>& x) { return cuda::rounded(x, type).cast<double>(); };
                const Attention<double> truth = expected(ring, causal, widened(q), widened(k), widened(v));
                worst = std::max(worst, share_of_bound(one.result(), truth, type, v.flat().abs().maxCoeff()));
                ++ran;
            }
        MESSAGE(std::string(step.name), ", ", cuda::type_name(type), ": largest error ", worst, " of the bound in ",
                ran);
        CHECK(worst <= 1);
        CHECK(ran == (step.takes_any_segments ? 18 : 16));
    });
}

} // namespace
} // namespace dra::test
