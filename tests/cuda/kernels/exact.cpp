#include "tests/cuda/kernels/single_pattern.hpp"

namespace dra::test {
namespace {

using cuda::emulated::AttentionKernel;

/// Small integers, exact in every type; so are their sums over the keys used here.
Tensor<float> small_integers(Shape shape) {
    Tensor<float> v(shape);
    for (Index i = 0; i < v.size(); ++i) v.flat()[i] = static_cast<float>(i * i % 17 - 8);
    return v;
}

TEST_CASE("equal scores over a power of two of keys give the mean, rounded once") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        for (const Index keys : {1, 2, 16, 64, 128}) {
            const Index head_dim = keys == 16 ? 128 : 64;
            const Shape shape{1, 2 * keys, 1, head_dim}; // two segments
            const Tensor<float> q(shape, 0), k = random_normal<float>(shape, 1), v = small_integers(shape);
            for (const bool float_out : {false, true}) {
                SinglePattern one(q, k, v, type, {keys, 1, 0}, false, float_out);
                one.run(kernel);
                const Attention<float> found = one.result();
                Tensor<float> mean(shape);
                for (Index segment = 0; segment < 2; ++segment) {
                    const Positions rows{segment * keys, 1, keys};
                    mean.view().rows(0, 0, rows) =
                        (v.view().rows(0, 0, rows).colwise().sum() / static_cast<float>(keys)).replicate(keys, 1);
                }
                const Tensor<float> expected = float_out ? mean : cuda::rounded(mean, type);
                CAPTURE(keys);
                CAPTURE(float_out);
                CHECK((found.out.flat() == expected.flat()).all());
                CHECK((found.lse.flat() - std::log(static_cast<float>(keys))).abs().maxCoeff() <= 1e-6f);
            }
        }
    });
}

TEST_CASE("a row that sees one key gives that row of v, whatever the score") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        for (const float scale : {1.0f, -2.0f, 0.1f}) {
            const Shape shape{1, 70, 2, 40};
            const Tensor<float> q = random_normal<float>(shape, 1, 3), k = random_normal<float>(shape, 2, 3),
                                v = random_normal<float>(shape, 3);
            const Tensor<float> expected = cuda::rounded(v, type);
            CAPTURE(scale);

            SinglePattern alone(q, k, v, type, {1, 1, 0}, false, false, scale); // segments of one row
            alone.run(kernel);
            CHECK((alone.result().out.flat() == expected.flat()).all());

            SinglePattern first(q, k, v, type, {70, 1, 0}, true, false, scale); // the first row under the mask
            first.run(kernel);
            const Attention<float> found = first.result();
            for (Index head = 0; head < 2; ++head)
                CHECK(found.out.view().rows(0, head).row(0) == expected.view().rows(0, head).row(0));
        }
    });
}

TEST_CASE("a scale of zero is equal scores, and a negative scale turns the order of keys around") {
    for_kernels([](const AttentionKernel& kernel, DType type) {
        const Shape shape{1, 128, 1, 64};
        const Tensor<float> q = random_normal<float>(shape, 1), k = random_normal<float>(shape, 2),
                            v = small_integers(shape);
        SinglePattern zero(q, k, v, type, {128, 1, 0}, true);
        zero.parameters.softmax_scale = 0;
        zero.run(kernel);
        Attention<float> found = zero.result();
        CHECK((found.lse.flat() - Eigen::ArrayXf::LinSpaced(128, 1, 128).log()).abs().maxCoeff() <= 1e-6f);

        Tensor<float> opposite = q;
        opposite.flat() = -q.flat();
        SinglePattern negative(q, k, v, type, {128, 1, 0}, true, false, -0.3f);
        SinglePattern positive(opposite, k, v, type, {128, 1, 0}, true, false, 0.3f);
        negative.run(kernel);
        positive.run(kernel);
        CHECK(same(negative.result(), positive.result()));
    });
}

} // namespace
} // namespace dra::test
