#include "tests/attention/view.hpp"
#include "tests/both_ways.hpp"

#include <doctest/doctest.h>

#include <bit>

namespace dra::test {
namespace {

template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();

/// NaN as calculations, parsers and memset(255) make them: the payload must not matter.
template <class T> std::vector<T> nans() {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    const Bits quiet = std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN());
    std::vector<T> all{std::bit_cast<T>(quiet), -std::bit_cast<T>(quiet)};
    for (const Bits payload : {Bits{1}, Bits{0x81}, Bits{0xff}, Bits{0x1ff}, Bits{0x7ff}, Bits{0x3fffff}})
        all.push_back(std::bit_cast<T>(quiet | payload));
    all.push_back(std::bit_cast<T>(~Bits{0}));
    return all;
}

template <class T> bool same_row(const Attention<T>& x, const Attention<T>& y, Index i) {
    return x.out.view().rows(0, 0).row(i) == y.out.view().rows(0, 0).row(i) && x.lse(0, 0, i) == y.lse(0, 0, i);
}
template <class T> bool all_nan(const Attention<T>& x, Index i) {
    return x.out.view().rows(0, 0).row(i).array().isNaN().all() && std::isnan(x.lse(0, 0, i));
}

TEST_CASE_TEMPLATE("a NaN in one row of q makes that row NaN, out and lse, and no other", T, float, double) {
    for (const bool causal : {false, true})
        for (const T nan : nans<T>()) {
            View<T> view({{0, 1, 70}, {0, 1, 300}, causal}, 9, 1);
            const Attention<T> clean = view.attend();
            view.q(0, 41, 0, 3) = nan;
            const Attention<T> result = view.attend();
            for (Index i = 0; i < 70; ++i) CHECK((i == 41 ? all_nan(result, i) : same_row(result, clean, i)));
        }
}

TEST_CASE_TEMPLATE("a NaN in k reaches the rows that see the key and no others, also in one tile", T, float, double) {
    for (const T nan : nans<T>())
        for (const Index key : {0, 3, 8, 40, 69}) {
            View<T> view({{0, 1, 70}, {0, 1, 70}, true}, 9, 1);
            const Attention<T> clean = view.attend();
            view.k(0, key, 0, 8) = nan;
            const Attention<T> result = view.attend();
            for (Index i = 0; i < 70; ++i) CHECK((i >= key ? all_nan(result, i) : same_row(result, clean, i)));
        }
}

TEST_CASE_TEMPLATE("a NaN in v reaches the channel of every row that sees the key, and never lse", T, float, double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    View<T> view({{0, 1, 300}, {0, 1, 300}, true}, 9, 1);
    const Attention<T> clean = view.attend();
    view.v(0, 200, 0, 4) = nan;
    const Attention<T> result = view.attend();
    CHECK((result.lse.flat() == clean.lse.flat()).all());
    for (Index i = 0; i < 300; ++i)
        for (Index d = 0; d < 9; ++d) {
            const T found = result.out(0, i, 0, d), expected = clean.out(0, i, 0, d);
            if (d == 4 && i >= 200)
                CHECK(std::isnan(found));
            else if (d == 4) // computed again where it lies in the key's tile
                CHECK(std::abs(found - expected) <= forward_bound * std::numeric_limits<T>::epsilon());
            else
                CHECK(found == expected);
        }
}

TEST_CASE_TEMPLATE("a score of -inf has weight 0; one of +inf makes its row NaN and no other", T, float, double) {
    for (const bool causal : {false, true}) {
        View<T> view({{0, 1, 50}, {0, 1, 50}, causal}, 1, 1, 1);
        view.q.flat() = view.q.flat().abs() + T(0.5);
        view.k(0, 0, 0, 0) = -infinity<T>;
        const Attention<T> result = view.attend();
        Attention<T> expected = poisoned<T>(view.problem());
        view.attend(0, 50, 1, 49, expected, Combine::store); // the other keys
        for (Index i = 0; i < 50; ++i) {
            const auto difference = result.out.view().rows(0, 0).row(i) - expected.out.view().rows(0, 0).row(i);
            CHECK(difference.cwiseAbs().maxCoeff() <= forward_bound * std::numeric_limits<T>::epsilon());
            CHECK(std::isinf(result.lse(0, 0, i)) == std::isinf(expected.lse(0, 0, i)));
        }

        View<T> large({{0, 1, 50}, {0, 1, 50}, causal}, 2, 1, 1);
        const Attention<T> clean = large.attend();
        large.q(0, 30, 0, 0) = infinity<T>;
        large.q(0, 30, 0, 1) = 0;
        large.k(0, 7, 0, 0) = 2;
        large.k.view().rows(0, 0).col(0) = large.k.view().rows(0, 0).col(0).cwiseAbs();
        View<T> finite = large;
        finite.q.view().rows(0, 0).row(30).setZero();
        const Attention<T> other = finite.attend(), found = large.attend();
        for (Index i = 0; i < 50; ++i) CHECK((i == 30 ? all_nan(found, i) : same_row(found, other, i)));
    }
}

TEST_CASE_TEMPLATE("dilated_attention: a NaN in q, k of one token of one head stays with the rows that see it", T,
                   float, double) {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const Question asked{{2, 60, 4, 5}, 2, {{20, 60}, {2, 3}, Mode::mixture, PhaseRule::head, true}, 1};
    RandomInputs<T> inputs(asked);
    const Attention<T> clean = dilated_attention<T>(inputs.problem, inputs);
    inputs.k(1, 31, 1, 2) = nan;
    inputs.q(0, 17, 2, 0) = nan;
    const Attention<T> result = dilated_attention<T>(inputs.problem, inputs);
    Index reached = 0;
    for (Index b = 0; b < 2; ++b)
        for (Index h = 0; h < 4; ++h)
            for (Index i = 0; i < 60; ++i) {
                const bool sees_key = b == 1 && h / 2 == 1 && times_seen(inputs.problem, 1, i, 31) > 0;
                const bool has_query = b == 0 && h == 2 && i == 17 && times_seen(inputs.problem, 1, i, i) > 0;
                const bool bad = sees_key || has_query;
                reached += bad;
                CHECK(std::isnan(result.lse(b, h, i)) == bad);
                for (Index d = 0; d < 5; ++d) {
                    if (bad)
                        CHECK(std::isnan(result.out(b, i, h, d)));
                    else
                        CHECK(result.out(b, i, h, d) == clean.out(b, i, h, d));
                }
            }
    CHECK(reached > 3);
}

/// Whether a gradient is what it was without the NaN, but for rounding where a row was computed again.
template <class T> bool unchanged(const Tensor<T>& x, const Tensor<T>& clean, Index row) {
    const auto expected = clean.view().rows(0, 0).row(row);
    const T unit = std::numeric_limits<T>::epsilon() * std::max(T(1), expected.cwiseAbs().maxCoeff());
    return (x.view().rows(0, 0).row(row) - expected).cwiseAbs().maxCoeff() <= gradient_bound * unit;
}

TEST_CASE_TEMPLATE("gradients: a NaN in q or dout of one token reaches its dq, and dk and dv of what it sees", T, float,
                   double) {
    constexpr Index N = 64, at = 40;
    for (const bool of_dout : {false, true})
        for (const Index ranks : {1, 5}) {
            Question asked{{1, N, 1, 4}, 1, {{N}, {1}, Mode::groups, {}, true}, 3};
            asked.configuration.ranks = ranks;
            GradientInputs<T> inputs(asked);
            const Both<T> clean = run(inputs);
            (of_dout ? inputs.dout : inputs.q)(0, at, 0, 1) = std::numeric_limits<T>::quiet_NaN();
            for (const Both<T>& found : {run(inputs), run_ring(inputs)}) {
                const auto& [dq, dk, dv] = found.backward;
                for (Index n = 0; n < N; ++n) {
                    CHECK(dq.view().rows(0, 0).row(n).array().isNaN().all() == (n == at));
                    CHECK(dk.view().rows(0, 0).row(n).array().isNaN().all() == (n <= at));
                    CHECK(dv.view().rows(0, 0).row(n).array().isNaN().any() == (n <= at));
                    if (n != at) CHECK(unchanged(dq, clean.backward.dq, n));
                    if (n > at) CHECK(unchanged(dk, clean.backward.dk, n));
                    if (n > at) CHECK(unchanged(dv, clean.backward.dv, n));
                }
            }
        }
}

TEST_CASE_TEMPLATE("gradients: a NaN in k or v of one token leaves the rows before it as they are", T, float, double) {
    constexpr Index N = 64, at = 40;
    for (const bool of_v : {false, true}) {
        GradientInputs<T> inputs({{1, N, 1, 4}, 1, {{N}, {1}, Mode::groups, {}, true}, 3});
        const Both<T> clean = run(inputs);
        (of_v ? inputs.v : inputs.k)(0, at, 0, 1) = std::numeric_limits<T>::quiet_NaN();
        const Both<T> found = run(inputs);
        for (Index n = 0; n < N; ++n) {
            CHECK(found.backward.dq.view().rows(0, 0).row(n).array().isNaN().all() == (n >= at));
            if (n < at) CHECK(unchanged(found.backward.dq, clean.backward.dq, n));
            if (of_v) CHECK(unchanged(found.backward.dv, clean.backward.dv, n)); // of weights, which v does not enter
        }
    }
}

} // namespace
} // namespace dra::test
