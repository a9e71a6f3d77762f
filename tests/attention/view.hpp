#pragma once
/// \file
/// One call of attend() on views that nobody cut out of a problem: any positions, judged pair by pair.

#include "reference/attention/attend.hpp"
#include "tests/problems.hpp"

#include <vector>

namespace dra::test {

/// The positions and compact tensors of one call: q [1, m, 1, D], k and v [1, n, 1, D].
template <class T> struct View {
    Visibility visibility;
    double softmax_scale;
    Tensor<T> q, k, v;

    View(const Visibility& seen, Index head_dim, std::uint64_t seed, double scale)
        : visibility(seen), softmax_scale(scale), q(random_normal<T>({1, seen.queries.count, 1, head_dim}, 3 * seed)),
          k(random_normal<T>({1, seen.keys.count, 1, head_dim}, 3 * seed + 1)),
          v(random_normal<T>({1, seen.keys.count, 1, head_dim}, 3 * seed + 2)) {}
    View(const Visibility& seen, Index head_dim, std::uint64_t seed)
        : View(seen, head_dim, seed, 1 / std::sqrt(static_cast<double>(head_dim))) {}

    Index queries() const { return visibility.queries.count; }
    Index keys() const { return visibility.keys.count; }

    /// Whether a pair is visible by definition, without the closed form of visibility.hpp.
    bool sees(Index i, Index j) const { return !visibility.causal || visibility.keys[j] <= visibility.queries[i]; }

    Problem problem() const {
        const Index m = queries();
        return {1,
                m,
                1,
                1,
                q.shape().head_dim,
                {m},
                {1},
                Mode::groups,
                PhaseRule::group,
                visibility.causal,
                softmax_scale,
                1,
                Layout::contiguous,
                false,
                0,
                0};
    }

    /// Queries [i, i + m) over keys [j, j + n), into rows of `result`.
    void attend(Index i, Index m, Index j, Index n, Attention<T>& result, Combine combine) const {
        const Positions rows{i, 1, m}, columns{j, 1, n};
        dra::attend<T>(q.view().rows(0, 0, rows), k.view().rows(0, 0, columns), v.view().rows(0, 0, columns),
                       {visibility.queries.slice(i, m), visibility.keys.slice(j, n), visibility.causal},
                       static_cast<T>(softmax_scale), {result.out.view().rows(0, 0, rows), result.lse.rows(0, 0, rows)},
                       combine);
    }

    /// All in one call, into poisoned memory.
    Attention<T> attend() const {
        Attention<T> result = poisoned<T>(problem());
        attend(0, queries(), 0, keys(), result, Combine::store);
        return result;
    }

    Oracle truth() const {
        const Index m = queries(), n = keys(), D = q.shape().head_dim;
        Oracle truth{{Tensor<double>({1, m, 1, D}, 0), {1, 1, m}}, {}, {{}}};
        for (Index i = 0; i < m; ++i) {
            std::vector<long double> scores;
            std::vector<Index> seen;
            for (Index j = 0; j < n; ++j) {
                if (!sees(i, j)) continue;
                long double s = 0;
                for (Index d = 0; d < D; ++d) s += static_cast<long double>(q(0, i, 0, d)) * k(0, j, 0, d);
                scores.push_back(s * softmax_scale);
                seen.push_back(j);
                truth.magnitudes[0].score = std::max(truth.magnitudes[0].score, Magnitude(std::abs(scores.back())));
            }
            truth.attention.lse(0, 0, i) = -std::numeric_limits<double>::infinity();
            if (seen.empty()) continue;
            const long double max = *std::ranges::max_element(scores);
            long double sum = 0;
            for (const long double s : scores) sum += std::exp(s - max);
            truth.attention.lse(0, 0, i) = static_cast<double>(max + std::log(sum));
            for (Index d = 0; d < D; ++d) {
                long double o = 0;
                for (std::size_t t = 0; t < seen.size(); ++t) o += std::exp(scores[t] - max) * v(0, seen[t], 0, d);
                truth.attention.out(0, i, 0, d) = static_cast<double>(o / sum);
            }
        }
        return truth;
    }

    ErrorRatios judge(const Attention<T>& result) const { return error_ratios(problem(), truth(), result); }
};

} // namespace dra::test
