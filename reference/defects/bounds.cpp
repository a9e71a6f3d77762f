#include "reference/defects/bounds.hpp"

#include "reference/definition/half_gradients.hpp"
#include "reference/definition/rounding.hpp"

#include <cmath>
#include <limits>

namespace dra::defects {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double largest_row(TensorView<const double> x) {
    const Index D = x.shape().head_dim;
    double squares = 0;
    for (Index row = 0; row < x.size() / D; ++row)
        squares = std::max(squares, x.flat().segment(row * D, D).square().sum());
    return std::sqrt(squares);
}

/// No pair of rows has a larger score, by Cauchy and Schwarz.
Magnitudes largest_of_all_pairs(const Problem& problem, const Inputs& inputs) {
    return {.score = std::abs(problem.softmax_scale) * largest_row(inputs.q) * largest_row(inputs.k),
            .dp = inputs.dout ? largest_row(*inputs.dout) * largest_row(inputs.v) : 0,
            .query = inputs.q.flat().abs().maxCoeff(),
            .key = inputs.k.flat().abs().maxCoeff()};
}

const Tensor<double>& tensor_of(const Oracle& truth, const std::string& tensor) {
    if (tensor == "out") return truth.attention.out;
    const Gradients<double>& gradients = truth.gradients.value();
    return tensor == "dq" ? gradients.dq : tensor == "dk" ? gradients.dk : gradients.dv;
}

double finite_maximum(const Eigen::ArrayXd& x) { return x.isFinite().select(x.abs(), 0).maxCoeff(); }

double relative(const Eigen::ArrayXd& x, const Eigen::ArrayXd& y, double floor = 0) {
    double largest = 0;
    for (Index i = 0; i < x.size(); ++i) {
        if (x[i] == y[i]) continue;
        const double difference = std::abs(x[i] - y[i]);
        largest = std::isfinite(difference) ? std::max(largest, difference) : infinity;
    }
    return largest == 0 ? 0 : largest / std::max(finite_maximum(y), floor);
}

/// NaN is nothing to be compared: it is zero where both have it.
void agree_on_nan(Eigen::ArrayXd& x, Eigen::ArrayXd& y) {
    const Eigen::Array<bool, Eigen::Dynamic, 1> both = x.isNaN() && y.isNaN();
    x = both.select(0, x);
    y = both.select(0, y);
}

template <class T> Lse<T> cast(const Lse<double>& lse) {
    const auto [B, H, N] = lse.shape();
    Lse<T> narrow(B, H, N);
    narrow.flat() = lse.flat().cast<T>();
    return narrow;
}

/// A result as the comparisons of the definition take it; what is not there is taken from what it is compared with.
template <class T> Attention<T> attention_of(const Result& result, const Oracle& from) {
    return {result.out.cast<T>(), cast<T>(result.lse ? *result.lse : from.attention.lse)};
}
template <class T> Gradients<T> gradients_of(const Result& result, const Gradients<double>& from) {
    return {(result.dq ? *result.dq : from.dq).cast<T>(), (result.dk ? *result.dk : from.dk).cast<T>(),
            (result.dv ? *result.dv : from.dv).cast<T>()};
}

template <class T> Errors float_errors(const Problem& problem, const Result& result, const Oracle& from) {
    Gradients<T> gradients;
    const bool judged = result.has_gradients();
    if (judged) gradients = gradients_of<T>(result, from.gradients.value());
    const ErrorRatios ratios =
        error_ratios(problem, from, attention_of<T>(result, from), judged ? &gradients : nullptr);
    Errors errors{.ratios = {{"out", ratios.out}}, .forward = ratios.out / forward_bound};
    if (result.lse) {
        errors.ratios["lse"] = ratios.lse;
        errors.forward = ratios.forward() / forward_bound;
    }
    const auto add = [&](const char* name, double ratio, bool there) {
        if (!there) return;
        errors.ratios[name] = ratio;
        errors.gradient = std::max(errors.gradient, ratio / gradient_bound);
    };
    add("dq", ratios.dq, result.dq.has_value());
    add("dk", ratios.dk, result.dk.has_value());
    add("dv", ratios.dv, result.dv.has_value());
    return errors;
}

template <class Half> Errors half_errors_of(const Problem& problem, const Result& result, const Oracle& from,
                                            const Tensor<double>& yardstick,
                                            const Gradients<double>* gradient_yardstick) {
    const HalfErrors shares = half_errors<Half>(problem, from, yardstick, attention_of<float>(result, from));
    Errors errors{.ratios = {{"out_max", shares.out_max}, {"out_mean", shares.out_mean}, {"out_norm", shares.out_norm}},
                  .forward = std::max({shares.out_max, shares.out_mean, shares.out_norm})};
    if (result.lse) {
        errors.ratios["lse"] = shares.lse;
        errors.forward = std::max(errors.forward, shares.lse);
    }
    if (!result.has_gradients()) return errors;
    const HalfGradientErrors gradients = half_gradient_errors<Half>(from.gradients.value(), *gradient_yardstick,
                                                                    gradients_of<float>(result, *from.gradients));
    const auto add = [&](const char* name, double share, bool there) {
        if (!there) return;
        errors.ratios[name] = share;
        errors.gradient = std::max(errors.gradient, share);
    };
    add("dq", gradients.dq, result.dq.has_value());
    add("dk", gradients.dk, result.dk.has_value());
    add("dv", gradients.dv, result.dv.has_value());
    return errors;
}

/// What rounding costs the truth, moved to another result of the type: as much an element, and in proportion where
/// that result is larger.
Tensor<double> moved(const Tensor<double>& yardstick, const Tensor<double>& truth, const Tensor<double>& to) {
    Tensor<double> result(to.shape());
    const double largest = finite_maximum(truth.flat());
    const double growth = largest == 0 ? 1 : std::max(1.0, finite_maximum(to.flat()) / largest);
    result.flat() =
        to.flat() + growth * (yardstick.flat() - truth.flat()).abs() + std::ldexp(1.0, -9) * to.flat().abs();
    return result;
}

template <class Half>
std::pair<Tensor<double>, std::optional<Gradients<double>>> yardsticks(const Problem& problem, const Inputs& inputs) {
    const auto narrow = [](TensorView<const double> x) {
        Tensor<float> y(x.shape());
        y.flat() = x.flat().cast<float>();
        return y;
    };
    const Tensor<float> q = narrow(inputs.q), k = narrow(inputs.k), v = narrow(inputs.v);
    std::optional<Gradients<double>> gradients;
    if (inputs.dout) gradients = rounding_gradients<Half>(problem, {q, k, v}, narrow(*inputs.dout));
    return {rounding_oracle<Half>(problem, {q, k, v}), std::move(gradients)};
}

} // namespace

Bounds::Bounds(DType dtype, const Problem& problem, const Inputs& inputs, const Oracle& truth)
    : dtype_(dtype), problem_(problem), truth_(truth), all_pairs_(largest_of_all_pairs(problem, inputs)) {
    if (dtype == DType::bf16) std::tie(yardstick_, gradient_yardstick_) = yardsticks<bfloat16>(problem, inputs);
    if (dtype == DType::f16) std::tie(yardstick_, gradient_yardstick_) = yardsticks<half>(problem, inputs);
}

Errors Bounds::measure(const Result& result, const Oracle& from, const Tensor<double>& yardstick,
                       const Gradients<double>* gradient_yardstick) const {
    Errors errors;
    switch (dtype_) {
    case DType::f64: errors = float_errors<double>(problem_, result, from); break;
    case DType::f32: errors = float_errors<float>(problem_, result, from); break;
    case DType::bf16: errors = half_errors_of<bfloat16>(problem_, result, from, yardstick, gradient_yardstick); break;
    case DType::f16: errors = half_errors_of<half>(problem_, result, from, yardstick, gradient_yardstick); break;
    }
    errors.forward_residual = relative(result.out.flat(), from.attention.out.flat());
    if (result.lse)
        errors.forward_residual =
            std::max(errors.forward_residual, relative(result.lse->flat(), from.attention.lse.flat(), 1));
    const auto add = [&](const std::optional<Tensor<double>>& x, const Tensor<double>& y) {
        if (x) errors.gradient_residual = std::max(errors.gradient_residual, relative(x->flat(), y.flat()));
    };
    if (from.gradients) {
        add(result.dq, from.gradients->dq);
        add(result.dk, from.gradients->dk);
        add(result.dv, from.gradients->dv);
    }
    return errors;
}

double Bounds::of_element(const std::string& tensor, Index b, Index h) const {
    const bool of_keys = tensor == "dk" || tensor == "dv", half_precision = !yardstick_.empty();
    const Index first = of_keys ? h * problem_.query_heads_per_kv_head() : h,
                heads = of_keys ? problem_.query_heads_per_kv_head() : 1;
    Magnitudes most;
    for (Index query_head = first; query_head < first + heads; ++query_head) {
        const Magnitudes& next = truth_.of(b, query_head);
        most = {std::max(most.score, next.score), std::max(most.dp, next.dp), std::max(most.query, next.query),
                std::max(most.key, next.key)};
    }
    const double u = dtype_ == DType::f64 ? std::numeric_limits<double>::epsilon()
                                          : static_cast<double>(std::numeric_limits<float>::epsilon());
    if (tensor == "lse")
        return (half_precision ? 1e-4 : forward_bound * u) * static_cast<double>(std::max<Magnitude>(1, most.score));
    const Tensor<double>& y = tensor_of(truth_, tensor);
    if (half_precision) {
        const Tensor<double>& rounding = tensor == "out"  ? yardstick_
                                         : tensor == "dq" ? gradient_yardstick_->dq
                                         : tensor == "dk" ? gradient_yardstick_->dk
                                                          : gradient_yardstick_->dv;
        const double atol =
            dtype_ == DType::bf16 ? rounding::absolute_tolerance<bfloat16>(y) : rounding::absolute_tolerance<half>(y);
        return (tensor == "out" ? 2 : 3) * (rounding.flat() - y.flat()).abs().maxCoeff() + atol;
    }
    const Magnitude floor = std::abs(problem_.softmax_scale) / 16 * most.dp *
                            (tensor == "dq"   ? most.key
                             : tensor == "dk" ? most.query
                                              : 0);
    const double largest = y.view().rows(b, h).cwiseAbs().maxCoeff();
    const Magnitude unit = u * std::max<Magnitude>(1, most.score / 8) * std::max<Magnitude>(largest, floor);
    return static_cast<double>((tensor == "out" ? forward_bound : gradient_bound) * unit);
}

Errors Bounds::judge(const Result& result) const {
    return measure(result, truth_, yardstick_, gradient_yardstick_ ? &*gradient_yardstick_ : nullptr);
}

Errors Bounds::compare(Result result, Result with) const {
    agree_on_nan(result.out.flat(), with.out.flat());
    if (!with.lse) result.lse.reset();
    if (result.lse) agree_on_nan(result.lse->flat(), with.lse->flat());
    for (auto [x, y] : {std::pair(&result.dq, &with.dq), {&result.dk, &with.dk}, {&result.dv, &with.dv}}) {
        if (*x && *y) agree_on_nan((*x)->flat(), (*y)->flat());
        if (!*y) x->reset();
    }
    Oracle from{{std::move(with.out), with.lse ? std::move(*with.lse) : truth_.attention.lse},
                {},
                std::vector<Magnitudes>(truth_.magnitudes.size(), all_pairs_)};
    if (with.dq) from.gradients = {std::move(*with.dq), std::move(*with.dk), std::move(*with.dv)};
    if (yardstick_.empty()) return measure(result, from, {}, nullptr);

    const Tensor<double> yardstick = moved(yardstick_, truth_.attention.out, from.attention.out);
    std::optional<Gradients<double>> gradients;
    if (from.gradients)
        gradients = {moved(gradient_yardstick_->dq, truth_.gradients->dq, from.gradients->dq),
                     moved(gradient_yardstick_->dk, truth_.gradients->dk, from.gradients->dk),
                     moved(gradient_yardstick_->dv, truth_.gradients->dv, from.gradients->dv)};
    return measure(result, from, yardstick, gradients ? &*gradients : nullptr);
}

} // namespace dra::defects
