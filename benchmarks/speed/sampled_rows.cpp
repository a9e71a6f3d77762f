#include "benchmarks/speed/sampled_rows.hpp"

#include <cmath>
#include <limits>

namespace dra::benchmarks {
namespace {

constexpr Index heads_sampled = 3, rows_a_head = 8;

/// Of `count` numbers spread evenly over [0, last], the i-th.
constexpr Index spread_over(Index last, Index count, Index i) { return i * last / (count - 1); }

} // namespace

std::vector<SampledRow> sampled_rows(const InputsView<float>& inputs, const Pattern& pattern, bool causal) {
    const auto [B, N, H, D] = inputs.q.shape();
    const double scale = 1 / std::sqrt(static_cast<double>(D));
    std::vector<SampledRow> rows;
    for (Index i = 0; i < heads_sampled; ++i) {
        const Index head = spread_over(B * H - 1, heads_sampled, i), b = head / H, h = head % H;
        for (Index j = 0; j < rows_a_head; ++j) {
            const Index position = spread_over(N - 1, rows_a_head, j);
            Positions keys = pattern.selected(position / pattern.segment_length, N);
            if (keys.empty()) continue;
            const Index n = keys[std::max(keys.below(position + 1) - 1, Index{0})];
            if (causal) keys = keys.within(0, n + 1);
            const RowMajor<double> K = inputs.k.rows(b, h, keys).cast<double>(),
                                   V = inputs.v.rows(b, h, keys).cast<double>();
            const Eigen::VectorXd s = scale * (K * inputs.q.rows(b, h, {n, 1, 1}).cast<double>().transpose()); // (keys)
            const Eigen::VectorXd p = (s.array() - s.maxCoeff()).exp();
            rows.push_back(
                {b, h, n, p.transpose() * V / p.sum(), s.maxCoeff() + std::log(p.sum()), s.cwiseAbs().maxCoeff()});
        }
    }
    return rows;
}

SampledErrors sampled_errors(const std::vector<SampledRow>& truth, const Attention<float>& result) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    double apart = 0, size = 0, of_lse = 0;
    for (const SampledRow& row : truth) {
        const auto out = result.out.view().rows(row.b, row.h, {row.n, 1, 1}); // (1, D)
        const double lse = result.lse(row.b, row.h, row.n);
        if (!out.allFinite() || !std::isfinite(lse)) return {infinite, infinite};
        apart += (out.cast<double>() - row.out).squaredNorm();
        size += row.out.squaredNorm();
        of_lse = std::max(of_lse, std::abs(lse - row.lse) / (1e-4 * std::max(1.0, row.largest_score)));
    }
    return {std::sqrt(apart / size) / 0.01, of_lse};
}

} // namespace dra::benchmarks
