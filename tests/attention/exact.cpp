#include "reference/attention/dilated_attention.hpp"
#include "tests/attention/view.hpp"

#include <doctest/doctest.h>

#include <numbers>

namespace dra::test {
namespace {

template <class T> void fill_with_small_integers(Tensor<T>& v) {
    for (Index i = 0; i < v.size(); ++i) v.flat()[i] = static_cast<T>(i * i % 17 - 8);
}

TEST_CASE_TEMPLATE("attend: equal scores over a power of two of keys give the mean at 0 ulp", T, float, double) {
    for (const Index keys : {1, 2, 4, 8, 32, 256, 512, 2048})
        for (const Index head_dim : {1, 8, 13, 64, 130}) {
            View<T> view({{0, 1, 37}, {0, 1, keys}, false}, head_dim, 1);
            view.q.flat() = 0;
            fill_with_small_integers(view.v);
            const RowMajor<T> mean = view.v.view().rows(0, 0).colwise().sum() / static_cast<T>(keys);
            const Attention<T> result = view.attend();
            CHECK(result.out.view().rows(0, 0) == mean.replicate(37, 1));
        }
}

TEST_CASE_TEMPLATE("attend: a row that sees one key gives that row of v at 0 ulp, whatever the score", T, float,
                   double) {
    for (const double deviation : {1e-3, 1.0, 1e3})
        for (const Index head_dim : {1, 7, 64, 200}) {
            const View<T> alone({{5, 1, 70}, {2, 1, 1}, false}, head_dim, 1, deviation);
            const Attention<T> result = alone.attend();
            CHECK(result.out.view().rows(0, 0) == alone.v.view().rows(0, 0).replicate(70, 1));

            const View<T> first({{0, 1, 70}, {0, 1, 70}, true}, head_dim, 2, deviation);
            CHECK(first.attend().out.view().rows(0, 0).row(0) == first.v.view().rows(0, 0).row(0));
        }
}

TEST_CASE_TEMPLATE("attend: a row whose one score is the lowest number there is is not a row that sees no key", T,
                   float, double) {
    constexpr T one_bit = std::numbers::log2e_v<T>; // scores are kept in base 2: q is multiplied by it
    View<T> view({{0, 1, 1}, {0, 1, 1}, false}, 1, 1, 1.0);
    T& q = view.q.flat()[0];
    for (q = 1 / one_bit; q * one_bit > 1;) q = std::nextafter(q, T(0));
    while (q * one_bit < 1) q = std::nextafter(q, T(1));
    REQUIRE(q * one_bit == 1);
    view.k.flat()[0] = std::numeric_limits<T>::lowest();
    const Attention<T> result = view.attend();
    CHECK(result.out.flat()[0] == view.v.flat()[0]);
    CHECK(result.lse.flat()[0] <= std::numeric_limits<T>::lowest() / 2);
    CHECK(std::isfinite(result.lse.flat()[0]));
}

TEST_CASE_TEMPLATE("dilated_attention: equal scores over a power of two of keys give the mean at 0 ulp", T, float,
                   double) {
    for (const auto& pattern : {std::pair<Index, Index>{64, 1}, {64, 4}, {32, 2}, {16, 16}})
        for (const bool causal : {false, true}) {
            const Index w = pattern.first, r = pattern.second;
            const Question asked{{2, 128, 2, 5}, 2, {{w}, {r}, Mode::groups, PhaseRule::head, causal}, 1};
            RandomInputs<T> inputs(asked);
            inputs.q.flat() = 0;
            fill_with_small_integers(inputs.v);
            Attention<T> result = poisoned<T>(inputs.problem);
            dilated_attention<T>(inputs.problem, inputs, result);
            Index rows = 0, different = 0;
            for (Index b = 0; b < 2; ++b)
                for (Index h = 0; h < 2; ++h)
                    for (Index i = 0; i < 128; ++i) {
                        T sum[5] = {};
                        Index keys = 0;
                        for (Index j = 0; j < 128; ++j) {
                            if (times_seen(inputs.problem, h, i, j) == 0) continue;
                            ++keys;
                            for (Index d = 0; d < 5; ++d) sum[d] += inputs.v(b, j, h, d);
                        }
                        if (keys == 0 || (keys & (keys - 1)) != 0) continue;
                        ++rows;
                        for (Index d = 0; d < 5; ++d)
                            different += result.out(b, i, h, d) != sum[d] / static_cast<T>(keys);
                    }
            CAPTURE(w);
            CAPTURE(r);
            CHECK(rows >= 2 * 2 * 128 / w);
            CHECK(different == 0);
        }
}

TEST_CASE_TEMPLATE("dilated_attention: segments of one selected row give v at 0 ulp", T, float, double) {
    for (const Index w : {1, 3}) { // dilation w selects one row of w
        const RandomInputs<T> inputs({{2, 50, 6, 9}, 3, {{w}, {w}, Mode::mixture, PhaseRule::head}, 1, 3});
        Attention<T> result = poisoned<T>(inputs.problem);
        dilated_attention<T>(inputs.problem, inputs, result);
        for (Index b = 0; b < 2; ++b)
            for (Index h = 0; h < 6; ++h)
                for (Index i = 0; i < 50; ++i) {
                    const bool selected = i % w == h / 2 % w;
                    const auto out = result.out.view().rows(b, h).row(i);
                    if (selected)
                        CHECK(out == inputs.v.view().rows(b, h / 2).row(i));
                    else
                        CHECK(out.isZero(0));
                }
    }
}

TEST_CASE_TEMPLATE("the most negative score that there is is a score, not the lack of one", T, float, double) {
    constexpr T least = std::numeric_limits<T>::lowest();
    View<T> view({{0, 1, 3}, {0, 1, 1}, false}, 1, 1, std::numbers::ln2); // times log2(e) that is 1
    view.q.flat() = 1;
    view.k.flat() = least;
    const Attention<T> result = view.attend();
    CHECK((result.out.flat() == view.v.flat()[0]).all());
    CHECK((result.lse.flat() == least * std::numbers::ln2_v<T>).all());
}

} // namespace
} // namespace dra::test
