#pragma once
/// \file
/// Programs that have a defect, seen only by their results; and random problems to give them.

#include "reference/defects/diagnose.hpp"
#include "reference/definition/half_precision.hpp"
#include "tests/problems.hpp"

namespace dra::defects::test {

/// A random problem with its tensors, exact in a type.
struct PosedProblem {
    Tensor<double> q, k, v, dout;
    Problem problem;

    Inputs inputs(bool with_dout) const {
        Inputs inputs{{q, k, v}};
        if (with_dout) inputs.dout = dout;
        return inputs;
    }
};

/// The problem of a seed: small sizes, up to 7 ranks, every choice of a configuration; mostly ordinary scores,
/// sometimes all 0, sometimes, with `steep`, some beyond 100.
inline PosedProblem pose(std::uint64_t seed, DType dtype, bool steep = true) {
    const dra::test::SeededDraw draw(seed);
    dra::test::Question asked = dra::test::draw_question(draw, {.tokens = 20, .head_dim = 8});
    asked.configuration.ranks = 1 + asked.configuration.ranks % 7;
    dra::test::RandomInputs<float> made(asked);
    const Index kind = static_cast<Index>(seed % 6);
    if (kind == 0) made.q.flat().setZero();
    if (kind == 1 && steep) {
        made.q.flat() *= 12 / static_cast<float>(asked.deviation);
        made.k.flat() *= 12 / static_cast<float>(asked.deviation);
    }
    const Tensor<float> dout = random_normal<float>(asked.q, 3 * asked.seed + 7);
    const auto as_stored = [&](const Tensor<float>& x) { return stored(x.cast<double>(), dtype); };
    return {as_stored(made.q), as_stored(made.k), as_stored(made.v), as_stored(dout), made.problem};
}

/// The tensors as a program sees them that rounds on its way: each element off by up to an epsilon of float.
inline Tensor<double> disturbed(Tensor<double> x, std::uint64_t seed) {
    const Tensor<double> noise = random_normal<double>(x.shape(), seed);
    x.flat() *= 1 + 0x1p-24 * noise.flat().max(-1).min(1);
    return x;
}

/// What a program with this form of a defect hands over: gradients where the defect is in them, its cost where it is
/// there.
inline Result black_box(const Defect& defect, const Ingredients& form, const PosedProblem& posed, DType dtype,
                        bool disturb) {
    PosedProblem seen = posed;
    if (disturb && dtype == DType::f32) {
        seen.q = disturbed(posed.q, 1);
        seen.k = disturbed(posed.k, 2);
        seen.v = disturbed(posed.v, 3);
    }
    Result result = result_of(observe(form, posed.problem, seen.inputs(defect.kind == Kind::gradient)), dtype);
    if (defect.kind != Kind::cost) result.pairs = result.rows_received = std::nullopt;
    return result;
}

/// Whether the result is beyond its bounds.
inline bool shows(const Defect& defect, const PosedProblem& posed, const Result& result) {
    if (!result.error.empty()) return true;
    const Inputs inputs = posed.inputs(defect.kind == Kind::gradient);
    const Oracle truth = oracle<double>(posed.problem, inputs, inputs.dout);
    if (defect.kind == Kind::cost)
        return excess(defect.kind, observe(defect.first(posed.problem), posed.problem, inputs), posed.problem, inputs,
                      truth) > 1.01;
    const Errors errors = Bounds(result.dtype, posed.problem, inputs, truth).judge(result);
    return !errors.within_bounds();
}

} // namespace dra::defects::test
