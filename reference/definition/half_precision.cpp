#include "reference/definition/half_precision.hpp"

#include "reference/definition/rounding.hpp"
#include "reference/definition/team_size.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace dra {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using rounding::absolute_tolerance, rounding::error, rounding::rounded, rounding::share;

double lse_share(const Problem& problem, const Oracle& truth, const Lse<float>& lse) {
    double worst = 0;
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h)
            for (Index n = 0; n < problem.tokens; ++n)
                worst = std::max(worst, share(error(lse(b, h, n), truth.attention.lse(b, h, n)),
                                              1e-4 * std::max(1.0, static_cast<double>(truth.of(b, h).score))));
    return worst;
}

/// One row of out: the keys it sees, their scores and weights, each rounded as a half-precision tensor would hold them.
template <class Half> void attend_row(const Problem& problem, Index b, Index h, Index i,
                                      const InputsView<float>& inputs, Tensor<double>& out) {
    const Index g = h / problem.query_heads_per_kv_head();
    const auto row = [&](TensorView<const float> x, Index n, Index head) {
        return Eigen::Map<const Eigen::ArrayXf>(x.row(b, n, head), problem.head_dim).template cast<double>();
    };
    struct Pair {
        Index key;
        double times, score;
    };
    std::vector<Pair> seen;
    double maximum = -infinity, sum = 0;
    for (Index j = 0; j < problem.tokens; ++j) {
        const Index times = times_seen(problem, g, i, j);
        if (times == 0) continue;
        const double score =
            rounded<Half>(problem.softmax_scale * (row(inputs.q, i, h) * row(inputs.k, j, g)).sum()); // S
        seen.push_back({j, static_cast<double>(times), score});
        maximum = std::max(maximum, score);
    }
    for (const Pair& pair : seen) sum += pair.times * std::exp(pair.score - maximum);
    Eigen::ArrayXd o = Eigen::ArrayXd::Zero(problem.head_dim);
    for (const Pair& pair : seen)
        o += pair.times * rounded<Half>(std::exp(pair.score - maximum) / sum) * row(inputs.v, pair.key, g); // P
    for (Index d = 0; d < problem.head_dim; ++d) out(b, i, h, d) = rounded<Half>(o[d]);                     // O
}

} // namespace

template <class Half> Tensor<double> rounding_oracle(const Problem& problem, const InputsView<float>& inputs) {
    Tensor<double> out(problem.q_shape());
    const Index rows = problem.batch * problem.heads * problem.tokens;
#pragma omp parallel for schedule(dynamic, 16) num_threads(rows > 64 ? threads_for(ceil_div(rows, 16)) : 1)
    for (Index row = 0; row < rows; ++row)
        attend_row<Half>(problem, row / (problem.heads * problem.tokens), row / problem.tokens % problem.heads,
                         row % problem.tokens, inputs, out);
    return out;
}

template <class Half> HalfErrors half_errors(const Problem& problem, const Oracle& truth,
                                             const Tensor<double>& yardstick, const Attention<float>& result) {
    const Tensor<double>& y = truth.attention.out;
    if (result.out.shape() != y.shape() || result.lse.shape() != truth.attention.lse.shape())
        throw ShapeError("out.shape", std::to_string(result.out.size()) + " elements", "must be the oracle's");

    double largest = 0, total = 0, squares = 0, largest_allowed = 0, total_allowed = 0;
    for (Index e = 0; e < y.size(); ++e) {
        const double found = error(result.out.flat()[e], y.flat()[e]);
        const double allowed = std::abs(yardstick.flat()[e] - y.flat()[e]);
        largest = std::max(largest, found);
        total += found;
        squares += found * found;
        largest_allowed = std::max(largest_allowed, allowed);
        total_allowed += allowed;
    }
    return {.out_max = share(largest, 2 * largest_allowed + absolute_tolerance<Half>(y)),
            .out_mean = share(total, 1.5 * total_allowed),
            .out_norm = share(std::sqrt(squares), 0.01 * std::sqrt(y.flat().square().sum())),
            .lse = lse_share(problem, truth, result.lse)};
}

template Tensor<double> rounding_oracle<bfloat16>(const Problem&, const InputsView<float>&);
template Tensor<double> rounding_oracle<half>(const Problem&, const InputsView<float>&);
template HalfErrors half_errors<bfloat16>(const Problem&, const Oracle&, const Tensor<double>&,
                                          const Attention<float>&);
template HalfErrors half_errors<half>(const Problem&, const Oracle&, const Tensor<double>&, const Attention<float>&);

} // namespace dra
