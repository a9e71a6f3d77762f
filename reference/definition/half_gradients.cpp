#include "reference/definition/half_gradients.hpp"

#include "reference/definition/rounding.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace dra {
namespace {

using rounding::error, rounding::rounded, rounding::share;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// One query head: adds to the gradients of its rows, and to those of the KV head that it reads.
template <class Half> class Head {
public:
    Head(const Problem& problem, Index b, Index h, const InputsView<float>& inputs, TensorView<const float> dout)
        : problem_(problem), g_(h / problem.query_heads_per_kv_head()), Q_(inputs.q.rows(b, h).template cast<double>()),
          K_(inputs.k.rows(b, g_).template cast<double>()), V_(inputs.v.rows(b, g_).template cast<double>()),
          dO_(dout.rows(b, h).template cast<double>()) {
        dq = dk = dv = RowMajor<double>::Zero(Q_.rows(), Q_.cols());
    }

    void run_row(Index i) {
        double maximum = -infinity, sum = 0, delta = 0;
        seen_.clear();
        for (Index j = 0; j < problem_.tokens; ++j) {
            const Index times = times_seen(problem_, g_, i, j);
            if (times == 0) continue;
            const double score = rounded<Half>(problem_.softmax_scale * Q_.row(i).dot(K_.row(j))); // S
            const double dp = rounded<Half>(dO_.row(i).dot(V_.row(j)));                            // dP
            seen_.push_back({j, static_cast<double>(times), score, dp});
            maximum = std::max(maximum, score);
        }
        for (const Pair& pair : seen_) sum += pair.times * std::exp(pair.score - maximum);
        Eigen::RowVectorXd o = Eigen::RowVectorXd::Zero(V_.cols());
        for (Pair& pair : seen_) {
            pair.weight = rounded<Half>(std::exp(pair.score - maximum) / sum); // P
            o += pair.times * pair.weight * V_.row(pair.key);
        }
        for (Index d = 0; d < o.size(); ++d) delta += dO_(i, d) * rounded<Half>(o[d]); // O
        for (const Pair& pair : seen_) {
            const double ds = pair.times * rounded<Half>(pair.weight * (pair.dp - delta)); // dS
            dq.row(i) += problem_.softmax_scale * ds * K_.row(pair.key);
            dk.row(pair.key) += problem_.softmax_scale * ds * Q_.row(i);
            dv.row(pair.key) += pair.times * pair.weight * dO_.row(i);
        }
    }

    RowMajor<double> dq, dk, dv; // (N, D)

private:
    struct Pair {
        Index key;
        double times, score, dp, weight = 0;
    };

    const Problem& problem_;
    const Index g_;
    const RowMajor<double> Q_, K_, V_, dO_; // (N, D)
    std::vector<Pair> seen_;
};

template <class Half> void round(Tensor<double>& x) {
    for (double& element : x.flat()) element = rounded<Half>(element);
}

template <class Half>
double tensor_share(const Tensor<double>& y, const Tensor<double>& yardstick, const Tensor<float>& x) {
    double largest = 0;
    for (Index e = 0; e < y.size(); ++e) largest = std::max(largest, error(x.flat()[e], y.flat()[e]));
    const double allowed = (yardstick.flat() - y.flat()).abs().maxCoeff();
    return share(largest, 3 * allowed + rounding::absolute_tolerance<Half>(y));
}

} // namespace

template <class Half> Gradients<double> rounding_gradients(const Problem& problem, const InputsView<float>& inputs,
                                                           TensorView<const float> dout) {
    Gradients<double> gradients{{problem.q_shape(), 0.0}, {problem.kv_shape(), 0.0}, {problem.kv_shape(), 0.0}};
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h) {
            Head<Half> head(problem, b, h, inputs, dout);
            for (Index i = 0; i < problem.tokens; ++i) head.run_row(i);
            const Index g = h / problem.query_heads_per_kv_head();
            gradients.dq.view().rows(b, h) += head.dq;
            gradients.dk.view().rows(b, g) += head.dk;
            gradients.dv.view().rows(b, g) += head.dv;
        }
    round<Half>(gradients.dq);
    round<Half>(gradients.dk);
    round<Half>(gradients.dv);
    return gradients;
}

template <class Half> HalfGradientErrors half_gradient_errors(const Gradients<double>& truth,
                                                              const Gradients<double>& yardstick,
                                                              const Gradients<float>& result) {
    return {.dq = tensor_share<Half>(truth.dq, yardstick.dq, result.dq),
            .dk = tensor_share<Half>(truth.dk, yardstick.dk, result.dk),
            .dv = tensor_share<Half>(truth.dv, yardstick.dv, result.dv)};
}

template Gradients<double> rounding_gradients<bfloat16>(const Problem&, const InputsView<float>&,
                                                        TensorView<const float>);
template Gradients<double> rounding_gradients<half>(const Problem&, const InputsView<float>&, TensorView<const float>);
template HalfGradientErrors half_gradient_errors<bfloat16>(const Gradients<double>&, const Gradients<double>&,
                                                           const Gradients<float>&);
template HalfGradientErrors half_gradient_errors<half>(const Gradients<double>&, const Gradients<double>&,
                                                       const Gradients<float>&);

} // namespace dra
