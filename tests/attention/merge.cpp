#include "reference/attention/partial.hpp"
#include "tests/attention/view.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();

/// A partial that owns its memory: out (m, D), lse (m).
template <class T> struct OwnedPartial {
    RowMajor<T> out;
    Eigen::ArrayX<T> lse;

    Partial<T> view() {
        return {{out.data(), out.rows(), out.cols(), Eigen::OuterStride<>(out.cols())},
                {lse.data(), lse.size(), Eigen::InnerStride<>(1)}};
    }
};

template <class T> OwnedPartial<T> merged(OwnedPartial<T> a, const OwnedPartial<T>& b) {
    merge<T>(a.view(), {b.out.data(), b.out.rows(), b.out.cols(), Eigen::OuterStride<>(b.out.cols())},
             {b.lse.data(), b.lse.size(), Eigen::InnerStride<>(1)});
    return a;
}

template <class T> OwnedPartial<T> identity(Index rows, Index head_dim) {
    OwnedPartial<T> one{RowMajor<T>::Constant(rows, head_dim, 7), Eigen::ArrayX<T>::Constant(rows, 7)};
    clear(one.view());
    return one;
}

constexpr Index rows = 64, head_dim = 5;

/// Normals, lse of deviation `spread` about `level`.
template <class T> OwnedPartial<T> random_partial(std::uint64_t seed, double level, double spread) {
    const Tensor<T> out = random_normal<T>({1, rows, 1, head_dim}, seed),
                    lse = random_normal<T>({1, rows, 1, 1}, ~seed, spread);
    return {out.view().rows(0, 0), lse.flat() + static_cast<T>(level)};
}

/// The merge of several in long double, and the error ratios of `found` against it, with the bounds' own condition: an
/// lse of 1e4 moves weights by 1e4 u.
template <class T> ErrorRatios judge(const OwnedPartial<T>& found, const std::vector<OwnedPartial<T>>& parts) {
    Oracle truth{{Tensor<double>({1, rows, 1, head_dim}, 0), {1, 1, rows}}, {}, {{}}};
    Attention<T> result{Tensor<T>({1, rows, 1, head_dim}), {1, 1, rows}};
    for (Index i = 0; i < rows; ++i) {
        long double max = -infinity<long double>, sum = 0;
        for (const OwnedPartial<T>& part : parts) max = std::max(max, static_cast<long double>(part.lse[i]));
        for (const OwnedPartial<T>& part : parts) sum += std::exp(part.lse[i] - max);
        for (Index d = 0; d < head_dim; ++d) {
            long double o = 0;
            for (const OwnedPartial<T>& part : parts) o += std::exp(part.lse[i] - max) * part.out(i, d);
            truth.attention.out(0, i, 0, d) = static_cast<double>(o / sum);
            result.out(0, i, 0, d) = found.out(i, d);
        }
        truth.attention.lse(0, 0, i) = static_cast<double>(max + std::log(sum));
        truth.magnitudes[0].score = std::max(truth.magnitudes[0].score, Magnitude(std::abs(max)));
        result.lse(0, 0, i) = found.lse[i];
    }
    const TensorInfo tensor{DType::f64, {1, rows, 1, head_dim}};
    const Problem problem = validate({.segment_lengths = {rows}, .dilation_rates = {1}, .softmax_scale = 1},
                                     {.q = tensor, .k = tensor, .v = tensor, .dout = {}});
    return error_ratios(problem, truth, result);
}

struct Range {
    double level, spread;
};
constexpr Range ranges[] = {{0, 1}, {0, 100}, {1e4, 1}, {-1e4, 1}, {0, 1e4}};

TEST_CASE_TEMPLATE("merging with the identity is exact on either side, also of two identities", T, float, double) {
    const OwnedPartial<T> one = identity<T>(rows, head_dim);
    for (const auto& [level, spread] : ranges) {
        const OwnedPartial<T> x = random_partial<T>(1, level, spread);
        for (const OwnedPartial<T>& result : {merged(x, one), merged(one, x)}) {
            CHECK(result.out == x.out);
            CHECK((result.lse == x.lse).all());
        }
    }
    const OwnedPartial<T> none = merged(one, one);
    CHECK((none.out.array() == 0).all());
    CHECK((none.lse == -infinity<T>).all());
}

TEST_CASE_TEMPLATE("weights sum to one however large lse is, which is rounded by its own size", T, float, double) {
    for (const T level : {T(0), T(25), T(-1000), T(30000)})
        for (const T difference : {T(0), T(0.3), T(1), T(4), T(11)}) {
            const MergeWeights<T> w(level, level + difference);
            CHECK(std::abs(w.a + w.b - 1) <= 2 * std::numeric_limits<T>::epsilon());
        }
}

TEST_CASE_TEMPLATE("two sides that see nothing weigh nothing, and one that does weighs all", T, float, double) {
    const MergeWeights<T> none(-infinity<T>, -infinity<T>), first(T(3), -infinity<T>), second(-infinity<T>, T(-3));
    CHECK(none.lse == -infinity<T>);
    CHECK(none.a == 0);
    CHECK(none.b == 0);
    CHECK(first.lse == 3);
    CHECK(first.a == 1);
    CHECK(first.b == 0);
    CHECK(second.lse == -3);
    CHECK(second.a == 0);
    CHECK(second.b == 1);
}

TEST_CASE_TEMPLATE("merge is associative and commutative, whatever the size of the scores", T, float, double) {
    double worst = 0;
    for (const Range& range : ranges) {
        CAPTURE(range.level);
        CAPTURE(range.spread);
        const auto a = random_partial<T>(1, range.level, range.spread),
                   b = random_partial<T>(2, range.level, range.spread),
                   c = random_partial<T>(3, range.level, range.spread);
        CHECK((merged(a, b).lse == merged(b, a).lse).all());
        for (const auto& left_first : {merged(merged(a, b), c), merged(a, merged(b, c)), merged(merged(c, a), b)}) {
            REQUIRE_FALSE(left_first.out.hasNaN());
            const ErrorRatios ratios = judge(left_first, {a, b, c});
            CHECK(ratios.within_bounds());
            worst = std::max(worst, ratios.forward());
        }
    }
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE_TEMPLATE("sides with lse of 1e4 and -1e4 merge to the larger", T, float, double) {
    const T large = 10000;
    OwnedPartial<T> high{RowMajor<T>::Constant(rows, head_dim, 3), Eigen::ArrayX<T>::Constant(rows, large)};
    OwnedPartial<T> low{RowMajor<T>::Constant(rows, head_dim, 5), Eigen::ArrayX<T>::Constant(rows, -large)};
    for (const OwnedPartial<T>& result : {merged(high, low), merged(low, high)}) {
        CHECK((result.out.array() == 3).all());
        CHECK((result.lse == large).all());
    }
    for (const auto& [x, level] : {std::pair(high, large), std::pair(low, -large)}) { // the same keys once more
        const OwnedPartial<T> twice = merged(x, x);
        CHECK(((twice.out - x.out).array().abs() <= 1e4 * std::numeric_limits<T>::epsilon() * x.out.array()).all());
        CHECK((((twice.lse - level) - std::log(T(2))).abs() <= large * std::numeric_limits<T>::epsilon()).all());
    }
}

TEST_CASE_TEMPLATE("a NaN on one side stays in its row, lse included, whatever the other side is", T, float, double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    OwnedPartial<T> bad = random_partial<T>(1, 0, 1);
    bad.out.row(2).setConstant(nan);
    bad.lse[2] = nan;
    const OwnedPartial<T> good = random_partial<T>(2, 0, 1);
    const OwnedPartial<T> clean = merged(random_partial<T>(1, 0, 1), good);
    const OwnedPartial<T> one = identity<T>(rows, head_dim);
    for (const OwnedPartial<T>& result : {merged(bad, one), merged(one, bad), merged(bad, good), merged(good, bad)}) {
        CHECK(std::isnan(result.lse[2]));
        CHECK(result.out.row(2).array().isNaN().all());
        CHECK(result.out.array().isNaN().count() == head_dim);
        CHECK(result.lse.isNaN().count() == 1);
    }
    const OwnedPartial<T> found = merged(bad, good);
    CHECK(found.out.row(1) == clean.out.row(1));
}

TEST_CASE_TEMPLATE("attend on keys cut anywhere, and merged, equals attend on all", T, float, double) {
    double worst = 0;
    for (const bool causal : {false, true}) {
        const View<T> view({{3, 2, 75}, {0, 1, 150}, causal}, 9, 1);
        const Oracle truth = view.truth();
        for (const Index cut : {0, 1, 5, 31, 32, 64, 75, 149, 150}) {
            CAPTURE(causal);
            CAPTURE(cut);
            Attention<T> result = poisoned<T>(view.problem());
            view.attend(0, 75, 0, cut, result, Combine::store);
            view.attend(0, 75, cut, 150 - cut, result, Combine::merge);
            const ErrorRatios ratios = error_ratios(view.problem(), truth, result);
            CHECK(ratios.within_bounds());
            worst = std::max(worst, ratios.forward());
            if (cut == 0 || cut == 150) CHECK(same(result, view.attend())); // no key at all is the identity
        }
    }
    MESSAGE("largest error ratio ", worst);
}

TEST_CASE_TEMPLATE("scores of +-1e4 in both parts merge without NaN", T, float, double) {
    View<T> view({{0, 1, 40}, {0, 1, 60}, false}, 1, 1, 1);
    for (Index i = 0; i < 40; ++i) view.q(0, i, 0, 0) = i % 2 == 0 ? 100 : -100;
    for (Index j = 0; j < 60; ++j)
        view.k(0, j, 0, 0) = j < 30 ? 100 : -100; // each row has 1e4 in one part, -1e4 in the other
    Attention<T> result = poisoned<T>(view.problem());
    view.attend(0, 40, 0, 30, result, Combine::store);
    view.attend(0, 40, 30, 30, result, Combine::merge);
    const ErrorRatios ratios = view.judge(result);
    MESSAGE("error ratios: out ", ratios.out, ", lse ", ratios.lse);
    CHECK(ratios.within_bounds());
    CHECK(view.judge(view.attend()).within_bounds());
}

} // namespace
} // namespace dra::test
