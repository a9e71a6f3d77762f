#include "reference/attention/partial.hpp"
#include "tests/cuda/kernels/single_pattern.hpp"

namespace dra::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr Shape shape{2, 9, 3, 40};
constexpr Index rows = 2 * 9 * 3;

/// out [B, N, H, D] and lse [B, H, N].
struct Side {
    Eigen::ArrayXf out, lse;
};

Side random_side(std::uint64_t seed, float spread) {
    return {random_normal<float>(shape, seed).flat(), random_normal<float>({1, rows, 1, 1}, ~seed, spread).flat()};
}

/// (0, -inf) in the row that is entry i of lse.
void clear_row(Side& side, Index i) {
    const Index batch = i / (shape.heads * shape.tokens), head = i / shape.tokens % shape.heads,
                token = i % shape.tokens;
    side.lse[i] = -infinity;
    side.out.segment(((batch * shape.tokens + token) * shape.heads + head) * shape.head_dim, shape.head_dim) = 0;
}

Side identity() { return {Eigen::ArrayXf::Zero(rows * shape.head_dim), Eigen::ArrayXf::Constant(rows, -infinity)}; }

Side merged_on_device(const Side& a, const Side& b) {
    const DeviceTensor out(a.out, DType::f32), lse(a.lse, DType::f32), other_out(b.out, DType::f32),
        other_lse(b.lse, DType::f32);
    cuda::Parameters sizes = {};
    sizes.batch = shape.batch;
    sizes.tokens = shape.tokens;
    sizes.heads = shape.heads;
    sizes.head_dim = shape.head_dim;
    DRA_CUDA_CHECK(cuda::emulated::merge_partial(out.floats(), lse.floats(), other_out.floats(), other_lse.floats(),
                                                 sizes, DeviceTensor::stream().get()));
    return {out.values(), lse.values()};
}

/// The reference's merge, in double, head by head.
Side merged_by_reference(const Side& a, const Side& b) {
    Tensor<double> out(shape), other(shape);
    Lse<double> lse(shape.batch, shape.heads, shape.tokens), other_lse = lse;
    out.flat() = a.out.cast<double>();
    other.flat() = b.out.cast<double>();
    lse.flat() = a.lse.cast<double>();
    other_lse.flat() = b.lse.cast<double>();
    const Positions all{0, 1, shape.tokens};
    for (Index batch = 0; batch < shape.batch; ++batch)
        for (Index head = 0; head < shape.heads; ++head) {
            const double* other_first = &other_lse(batch, head, 0);
            merge<double>({out.view().rows(batch, head), lse.rows(batch, head, all)},
                          std::as_const(other).view().rows(batch, head),
                          {other_first, shape.tokens, Eigen::InnerStride<>(1)});
        }
    return {out.flat().cast<float>(), lse.flat().cast<float>()};
}

TEST_CASE("merging on the device is the reference's merge") {
    for (const float spread : {1.0f, 30.0f, 1e4f}) {
        Side a = random_side(1, spread), b = random_side(2, spread);
        clear_row(a, 3); // empty on one side, on the other, on both
        clear_row(b, 5);
        clear_row(a, 7);
        clear_row(b, 7);
        const Side found = merged_on_device(a, b), expected = merged_by_reference(a, b);
        const float lse_error = (found.lse == expected.lse).select(0.0f, (found.lse - expected.lse).abs()).maxCoeff();
        const float out_error = (found.out - expected.out).abs().maxCoeff();
        MESSAGE("spread ", spread, ": out ", out_error, ", lse ", lse_error);
        CHECK(out_error <= 2e-6f * std::max(1.0f, spread / 8)); // an error of lse is one of the weights
        CHECK(lse_error <= 1e-6f * std::max(1.0f, spread));
    }
}

TEST_CASE("merging with the identity on the device is exact on either side, and of two identities") {
    for (const float spread : {1.0f, 1e4f}) {
        const Side x = random_side(1, spread), none = identity();
        for (const Side& found : {merged_on_device(x, none), merged_on_device(none, x)}) {
            CHECK((found.out == x.out).all());
            CHECK((found.lse == x.lse).all());
        }
        const Side still_none = merged_on_device(none, none);
        CHECK((still_none.out == 0).all());
        CHECK((still_none.lse == -infinity).all());
    }
}

TEST_CASE("a NaN stays in its row when merged on the device") {
    Side bad = random_side(1, 1);
    const Side good = random_side(2, 1);
    bad.lse[4] = std::numeric_limits<float>::quiet_NaN();
    for (const Side& found :
         {merged_on_device(bad, good), merged_on_device(good, bad), merged_on_device(bad, identity())}) {
        CHECK(std::isnan(found.lse[4]));
        CHECK(found.lse.isNaN().count() == 1);
        CHECK(found.out.isNaN().count() == shape.head_dim);
    }
}

TEST_CASE("a cast on the device rounds to nearest even") {
    const Tensor<float> x = random_normal<float>({1, 1, 1, 3001}, 1, 100);
    const DeviceTensor from(x.flat(), DType::f32);
    for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
        const DeviceTensor to(x.size(), type);
        DRA_CUDA_CHECK(cuda::emulated::cast_to(type, to.data(), from.floats(), 3001, DeviceTensor::stream().get()));
        CHECK((to.values() == cuda::rounded(x, type).flat()).all());
    }
}

} // namespace
} // namespace dra::test
