#include "reference/defects/defect.hpp"

#include "reference/definition/half_precision.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"

namespace dra::defects {
namespace {

constexpr std::uint64_t seed = 1;
constexpr double steepness = 12;

Tensor<double> drawn(Shape shape, std::uint64_t number, double deviation, bool bf16) {
    const Tensor<float> x = random_normal<float>(shape, 4 * seed + number, deviation);
    return (bf16 ? rounded_to<bfloat16>(x) : x).cast<double>();
}

template <class T> Attention<T> as(const Attention<double>& attention) {
    Attention<T> cast{attention.out.cast<T>(),
                      Lse<T>(attention.out.shape().batch, attention.out.shape().heads, attention.out.shape().tokens)};
    cast.lse.flat() = attention.lse.flat().cast<T>();
    return cast;
}

double half_excess(const Observation& observation, const Problem& problem, const Inputs& inputs, const Oracle& truth,
                   By by) {
    Tensor<float> q(inputs.q.shape()), k(inputs.k.shape()), v(inputs.v.shape());
    q.flat() = inputs.q.flat().cast<float>();
    k.flat() = inputs.k.flat().cast<float>();
    v.flat() = inputs.v.flat().cast<float>();
    Attention<float> result = as<float>(observation.attention);
    result.out = rounded_to<bfloat16>(result.out);
    HalfErrors errors = half_errors<bfloat16>(problem, truth, {q, k, v}, result);
    if (by == By::out) errors.lse = 0;
    return errors.worst();
}

} // namespace

std::string name(Kind kind) {
    switch (kind) {
    case Kind::value: return "value";
    case Kind::gradient: return "gradient";
    case Kind::decoding: return "decoding";
    case Kind::precision: return "precision";
    case Kind::crash: return "crash";
    case Kind::cost: break;
    }
    return "cost";
}

Inputs Sample::inputs(bool with_dout) const {
    Inputs inputs{{q, k, v}};
    if (with_dout) inputs.dout = dout;
    return inputs;
}

Sample sample(const Witness& witness, bool bf16) {
    const Shape kv{witness.q.batch, witness.q.tokens, witness.kv_heads, witness.q.head_dim};
    const double deviation = witness.draw == Draw::steep ? steepness : 1;
    Sample made{drawn(witness.q, 0, deviation, bf16),
                drawn(kv, 1, deviation, bf16),
                drawn(kv, 2, 1, bf16),
                drawn(witness.q, 3, 1, bf16),
                {}};
    if (witness.draw == Draw::zero_query) made.q.flat().setZero();
    made.problem = validate(witness.configuration, info<double>({made.q, made.k, made.v}));
    return made;
}

std::string Defect::hidden(const Problem& problem) const {
    for (const Condition& condition : conditions)
        if (!condition.holds(problem)) return condition.otherwise;
    return "";
}

double excess(Kind kind, const Observation& observation, const Problem& problem, const Inputs& inputs,
              const Oracle& truth, By by) {
    if (!observation.error.empty()) return std::numeric_limits<double>::infinity();
    if (kind == Kind::cost) {
        const Cost right = observe({}, problem, {{inputs.q, inputs.k, inputs.v}}).cost;
        return right.pairs > 0 ? static_cast<double>(observation.cost.pairs) / static_cast<double>(right.pairs) : 0;
    }
    if (kind == Kind::precision) return half_excess(observation, problem, inputs, truth, by);
    const Attention<float> result = as<float>(observation.attention);
    if (kind != Kind::gradient) {
        const ErrorRatios ratios = error_ratios(problem, truth, result);
        return (by == By::out ? ratios.out : ratios.forward()) / forward_bound;
    }
    const auto& [dq, dk, dv] = observation.gradients.value();
    const Gradients<float> gradients{dq.cast<float>(), dk.cast<float>(), dv.cast<float>()};
    const ErrorRatios ratios = error_ratios(problem, truth, result, &gradients);
    return std::max({ratios.dq, ratios.dk, ratios.dv}) / gradient_bound;
}

bool visible(const Defect& defect, const Problem& problem, const Inputs& inputs, const Oracle& truth, By by) {
    if (!defect.hidden(problem).empty() || (defect.kind == Kind::gradient && !inputs.dout)) return false;
    for (const Ingredients& wrong : defect.forms(problem))
        if (excess(defect.kind, observe(wrong, problem, inputs), problem, inputs, truth, by) > 1) return true;
    return false;
}

} // namespace dra::defects
