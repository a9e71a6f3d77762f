#include "reference/attention/gradient.hpp"
#include "reference/attention/key_gradients.hpp"
#include "tests/attention/view.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <utility>

namespace dra::test {
namespace {

/// One view with a dout, and its gradients by definition in long double.
template <class T> struct GradientView : View<T> {
    Tensor<T> dout;
    Attention<T> result;

    GradientView(const Visibility& seen, Index head_dim, std::uint64_t seed)
        : View<T>(seen, head_dim, seed), dout(random_dout<T>(this->q.shape(), seed)) {
        this->v.view().rows(0, 0).col(0).setOnes(); // as in Inputs
        result = this->attend();
    }

    Lse<Extended<T>> delta() const {
        Lse<Extended<T>> mean(1, 1, this->queries());
        weighted_mean_gradient<T>(dout.view().rows(0, 0), result.out.view().rows(0, 0),
                                  mean.rows(0, 0, {0, 1, this->queries()}));
        return mean;
    }

    Gradients<T> zeros() const { return {{this->q.shape(), T(0)}, {this->k.shape(), T(0)}, {this->v.shape(), T(0)}}; }

    /// Queries [i, i + m) over keys [j, j + n), added.
    void add(Index i, Index m, Index j, Index n, const Lse<Extended<T>>& delta, Gradients<T>& to,
             AttendGradientWorkspace<T>& workspace) const {
        const Positions rows{i, 1, m}, columns{j, 1, n};
        const GradientHead<T> head{this->q.view().rows(0, 0, rows), dout.view().rows(0, 0, rows),
                                   std::as_const(result.lse).rows(0, 0, rows), delta.rows(0, 0, rows),
                                   to.dq.view().rows(0, 0, rows)};
        attend_gradient<T>(
            {&head, 1}, this->k.view().rows(0, 0, columns), this->v.view().rows(0, 0, columns),
            {this->visibility.queries.slice(i, m), this->visibility.keys.slice(j, n), this->visibility.causal},
            static_cast<T>(this->softmax_scale), {to.dk.view().rows(0, 0, columns), to.dv.view().rows(0, 0, columns)},
            workspace);
    }
    void add(Index i, Index m, Index j, Index n, const Lse<Extended<T>>& delta, Gradients<T>& to) const {
        AttendGradientWorkspace<T> workspace;
        add(i, m, j, n, delta, to, workspace);
    }

    /// P and dS over all pairs, and what follows; a loss may use lse as well.
    Oracle truth_with(const Eigen::ArrayXd& dlse) const {
        Oracle truth = this->truth();
        const Index m = this->queries(), n = this->keys(), D = this->q.shape().head_dim;
        truth.gradients = {{this->q.shape(), 0}, {this->k.shape(), 0}, {this->v.shape(), 0}};
        auto& [dq, dk, dv] = *truth.gradients;
        Magnitudes& largest = truth.magnitudes[0];
        for (Index i = 0; i < m; ++i) {
            std::vector<long double> p(static_cast<std::size_t>(n), 0), dp(static_cast<std::size_t>(n), 0);
            long double mean = 0;
            for (Index j = 0; j < n; ++j) {
                if (!this->sees(i, j)) continue;
                long double s = 0;
                auto &p_j = p[j], &dp_j = dp[j];
                for (Index d = 0; d < D; ++d) {
                    s += static_cast<long double>(this->q(0, i, 0, d)) * this->k(0, j, 0, d);
                    dp_j += static_cast<long double>(dout(0, i, 0, d)) * this->v(0, j, 0, d);
                    largest.query = std::max(largest.query, std::abs(static_cast<double>(this->q(0, i, 0, d))));
                    largest.key = std::max(largest.key, std::abs(static_cast<double>(this->k(0, j, 0, d))));
                }
                p_j = std::exp(s * this->softmax_scale - truth.attention.lse(0, 0, i));
                mean += p_j * dp_j;
                largest.dp = std::max(largest.dp, Magnitude(std::abs(dp_j)));
            }
            for (Index j = 0; j < n; ++j) {
                const long double p_j = p[j], ds = p_j * (dp[j] - mean + dlse[i]) * this->softmax_scale;
                for (Index d = 0; d < D; ++d) {
                    dq(0, i, 0, d) += static_cast<double>(ds * this->k(0, j, 0, d));
                    dk(0, j, 0, d) += static_cast<double>(ds * this->q(0, i, 0, d));
                    dv(0, j, 0, d) += static_cast<double>(p_j * dout(0, i, 0, d));
                }
            }
        }
        return truth;
    }
};

TEST_CASE_TEMPLATE("attend_gradient is right around every size of strip, lane, panel, query block and tile", T, float,
                   double) {
    double worst = 0;
    for (const Index D : {1, 2, 7, 8, 9, 31, 33, 64, 129})
        for (const Index queries : {1, 31, 33, 130, 256, 257, 300})
            for (const Index keys : {1, 5, 9, 127, 130, 257})
                for (const bool causal : {false, true}) {
                    if (D > 9 && queries + keys > 400) continue; // the truth is slow
                    const GradientView<T> view({{3, 1, queries}, {0, 1, keys}, causal}, D, 1);
                    Gradients<T> found = view.zeros();
                    view.add(0, queries, 0, keys, view.delta(), found);
                    const ErrorRatios ratios = error_ratios(
                        view.problem(), view.truth_with(Eigen::ArrayXd::Zero(queries)), view.result, &found);
                    worst = std::max(worst, of_gradient_bound(ratios));
                }
    MESSAGE("largest error ratio ", worst * gradient_bound);
    CHECK(worst <= 1);
}

TEST_CASE_TEMPLATE("gradients of parts of queries and keys, by the lse of whole rows, add up to those of the whole", T,
                   float, double) {
    double worst = 0;
    for (const bool causal : {false, true})
        for (const Index stride : {1, 3}) {
            const GradientView<T> view({{40, stride, 150}, {0, 2, 170}, causal}, 12, 2);
            Gradients<T> found = view.zeros();
            for (const auto& [i, m] : {std::pair<Index, Index>{0, 7}, {7, 90}, {97, 53}})
                for (const auto& [j, n] : {std::pair<Index, Index>{100, 70}, {0, 33}, {33, 67}})
                    view.add(i, m, j, n, view.delta(), found);
            const ErrorRatios ratios =
                error_ratios(view.problem(), view.truth_with(Eigen::ArrayXd::Zero(150)), view.result, &found);
            worst = std::max(worst, of_gradient_bound(ratios));
        }
    MESSAGE("largest error ratio ", worst * gradient_bound);
    CHECK(worst <= 1);
}

TEST_CASE_TEMPLATE("delta less the gradient of lse gives the gradients of a loss that uses lse too", T, float, double) {
    const GradientView<T> view({{0, 1, 70}, {0, 1, 70}, true}, 9, 3);
    const Lse<T> dlse = [] {
        Lse<T> x(1, 1, 70);
        x.flat() = random_normal<T>({1, 70, 1, 1}, 5).flat();
        return x;
    }();
    Lse<Extended<T>> delta = view.delta();
    delta.flat() -= dlse.flat().template cast<Extended<T>>();
    Gradients<T> found = view.zeros();
    view.add(0, 70, 0, 70, delta, found);
    const ErrorRatios ratios =
        error_ratios(view.problem(), view.truth_with(dlse.flat().template cast<double>()), view.result, &found);
    MESSAGE("largest error ratio ", of_gradient_bound(ratios) * gradient_bound);
    CHECK(of_gradient_bound(ratios) <= 1);
}

TEST_CASE_TEMPLATE("a workspace that has served gradients of other views gives the same bits as a new one", T, float,
                   double) {
    AttendGradientWorkspace<T> shared;
    for (const Index D : {64, 8, 131, 5})
        for (const Index keys : {300, 7, 41}) {
            const GradientView<T> view({{0, 1, 150}, {0, 1, keys}, true}, D, static_cast<std::uint64_t>(D + keys));
            Gradients<T> expected = view.zeros(), found = view.zeros();
            view.add(0, 150, 0, keys, view.delta(), expected);
            view.add(0, 150, 0, keys, view.delta(), found, shared);
            CHECK(same(found, expected));
        }
}

TEST_CASE_TEMPLATE("rows that see no key, and keys that nobody sees, get nothing", T, float, double) {
    const GradientView<T> view({{0, 1, 90}, {50, 1, 90}, true}, 6, 4);
    Gradients<T> found = view.zeros();
    view.add(0, 90, 0, 90, view.delta(), found);
    CHECK(of_gradient_bound(
              error_ratios(view.problem(), view.truth_with(Eigen::ArrayXd::Zero(90)), view.result, &found)) <= 1);
    for (Index i = 0; i < 90; ++i)
        if (i != 50) CHECK(found.dq.view().rows(0, 0).row(i).isZero(0) == (i < 50)); // row 50 sees one key: rounding
    for (Index j = 0; j < 90; ++j) {
        CHECK(found.dk.view().rows(0, 0).row(j).isZero(0) == (j > 39));
        CHECK(found.dv.view().rows(0, 0).row(j).isZero(0) == (j > 39));
    }
}

TEST_CASE_TEMPLATE(
    "parts are added up over the keys to which they brought something, whatever else lies in their memory", T, float,
    double) {
    constexpr Index keys = 3 * kernel::strip, D = kernel::lanes<T> + 3;
    std::array<kernel::KeyGradients<T>, 2> parts;
    for (int n = 0; n < 2; ++n) {
        parts[n].resize(keys, D);
        for (Index d = 0; d < D; ++d)
            for (Index j = 0; j < keys; ++j) {
                const int lane = static_cast<int>(d % kernel::lanes<T>);
                parts[n].dk(d / kernel::lanes<T>, j)->set(lane, static_cast<T>(n + 1));
                parts[n].dv(d / kernel::lanes<T>, j)->set(lane, static_cast<T>(10 * (n + 1)));
            }
    }
    parts[0].set_summed(kernel::strip + 1); // of two strips
    parts[1].set_summed(1);                 // of one
    for (const Combine combine : {Combine::store, Combine::merge}) {
        const T before = combine == Combine::store ? std::numeric_limits<T>::quiet_NaN() : T(100);
        Tensor<T> dk({1, keys, 1, D}, before), dv = dk;
        for (Index begin = 0; begin < keys; begin += kernel::strip)
            kernel::add_up<T>(parts, {dk.view().rows(0, 0), dv.view().rows(0, 0)}, T(5), {begin, begin + kernel::strip},
                              combine, [](auto&&...) { FAIL("all are finite"); });
        const T there = combine == Combine::store ? T(0) : T(100);
        for (Index j = 0; j < keys; ++j) {
            const T brought = j < kernel::strip ? T(3) : j < 2 * kernel::strip ? T(1) : T(0);
            CHECK((dk.view().rows(0, 0).row(j).array() == there + 5 * brought).all());
            CHECK((dv.view().rows(0, 0).row(j).array() == there + 10 * brought).all());
        }
    }
}

} // namespace
} // namespace dra::test
