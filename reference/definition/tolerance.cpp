#include "reference/definition/tolerance.hpp"

#include "reference/definition/sizes.hpp"

#include <cmath>
#include <limits>

namespace dra {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The ratio of one slice, collected element by element. Comparisons are written so that a NaN fails them.
class Slice {
public:
    void compare(double x, double y) {
        if (std::isfinite(y)) largest_truth_ = std::max(largest_truth_, std::abs(y));
        if (x == y) return; // equal infinities included
        const double error = std::abs(x - y);
        largest_error_ = std::isfinite(error) ? std::max(largest_error_, error) : infinity;
    }

    double ratio(double epsilon, Magnitude condition, Magnitude floor) const {
        if (largest_error_ == 0) return 0;
        const Magnitude unit = epsilon * condition * std::max<Magnitude>(largest_truth_, floor);
        return std::isfinite(unit) ? static_cast<double>(largest_error_ / unit) : infinity;
    }

private:
    double largest_truth_ = 0, largest_error_ = 0;
};

Magnitude condition(const Magnitudes& magnitudes) { return std::max<Magnitude>(1, magnitudes.score / 8); }

/// What dk and dv of a KV head are judged by: the largest of the query heads that share it.
Magnitudes shared(const Problem& problem, const Oracle& oracle, Index b, Index kv_head) {
    Magnitudes largest;
    for (Index h = kv_head * problem.query_heads_per_kv_head(); h < (kv_head + 1) * problem.query_heads_per_kv_head();
         ++h) {
        const Magnitudes& magnitudes = oracle.of(b, h);
        largest = {.score = std::max(largest.score, magnitudes.score),
                   .dp = std::max(largest.dp, magnitudes.dp),
                   .query = std::max(largest.query, magnitudes.query)};
    }
    return largest;
}

template <class T> Slice compare_rows(const Tensor<T>& x, const Tensor<double>& y, Index b, Index h) {
    Slice slice;
    for (Index n = 0; n < y.shape().tokens; ++n)
        for (Index d = 0; d < y.shape().head_dim; ++d) slice.compare(static_cast<double>(x(b, n, h, d)), y(b, n, h, d));
    return slice;
}

template <class T> Slice compare_rows(const Lse<T>& x, const Lse<double>& y, Index b, Index h) {
    Slice slice;
    for (Index n = 0; n < y.shape()[2]; ++n) slice.compare(static_cast<double>(x(b, h, n)), y(b, h, n));
    return slice;
}

} // namespace

template <class T> ErrorRatios error_ratios(const Problem& problem, const Oracle& oracle, const Attention<T>& result,
                                            const Gradients<T>* gradients) {
    constexpr double u = std::numeric_limits<T>::epsilon();
    const double scale = std::abs(problem.softmax_scale);
    const Attention<double>& truth = oracle.attention;
    require_sizes("out", result.out.shape(), "the oracle's", truth.out.shape());
    require_sizes("lse", result.lse.shape(), "the oracle's", truth.lse.shape());

    ErrorRatios worst;
    const auto raise = [](double& ratio, double candidate) { ratio = std::max(ratio, candidate); };
    for (Index b = 0; b < problem.batch; ++b) {
        for (Index h = 0; h < problem.heads; ++h) {
            const Magnitudes& magnitudes = oracle.of(b, h);
            raise(worst.out, compare_rows(result.out, truth.out, b, h).ratio(u, condition(magnitudes), 0));
            raise(worst.lse,
                  compare_rows(result.lse, truth.lse, b, h).ratio(u, 1, std::max<Magnitude>(1, magnitudes.score)));
        }
    }
    if (!gradients) return worst;

    if (!oracle.gradients) throw ShapeError("dout", "(missing)", "must be given to the oracle that judges gradients");
    const Gradients<double>& true_gradients = *oracle.gradients;
    require_sizes("dq", gradients->dq.shape(), "the oracle's", true_gradients.dq.shape());
    require_sizes("dk", gradients->dk.shape(), "the oracle's", true_gradients.dk.shape());
    require_sizes("dv", gradients->dv.shape(), "the oracle's", true_gradients.dv.shape());
    for (Index b = 0; b < problem.batch; ++b) {
        for (Index h = 0; h < problem.heads; ++h) {
            const Magnitudes& magnitudes = oracle.of(b, h);
            const Magnitude floor = scale * magnitudes.dp * magnitudes.key / 16;
            raise(worst.dq,
                  compare_rows(gradients->dq, true_gradients.dq, b, h).ratio(u, condition(magnitudes), floor));
        }
        for (Index g = 0; g < problem.kv_heads; ++g) {
            const Magnitudes magnitudes = shared(problem, oracle, b, g);
            const Magnitude floor = scale * magnitudes.dp * magnitudes.query / 16;
            raise(worst.dk,
                  compare_rows(gradients->dk, true_gradients.dk, b, g).ratio(u, condition(magnitudes), floor));
            raise(worst.dv, compare_rows(gradients->dv, true_gradients.dv, b, g).ratio(u, condition(magnitudes), 0));
        }
    }
    return worst;
}

template ErrorRatios error_ratios(const Problem&, const Oracle&, const Attention<float>&, const Gradients<float>*);
template ErrorRatios error_ratios(const Problem&, const Oracle&, const Attention<double>&, const Gradients<double>*);

} // namespace dra
