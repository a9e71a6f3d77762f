#include "reference/attention/dilated_attention.hpp"
#include "tests/diagnose/black_box.hpp"

#include <doctest/doctest.h>

namespace dra::defects::test {
namespace {

constexpr std::uint64_t problems = 100 * DRA_DIAGNOSE_CASES;

/// What the engine of the library gives in float, kept in `dtype`; every fourth with the gradients of the definition.
Result correct_result(const PosedProblem& posed, DType dtype, bool with_gradients) {
    const Tensor<float> q = posed.q.cast<float>(), k = posed.k.cast<float>(), v = posed.v.cast<float>();
    const Attention<float> attention = dilated_attention<float>(posed.problem, {q, k, v});
    Observation seen{.error = {}, .attention = {attention.out.cast<double>(), {}}, .gradients = {}, .cost = {}};
    seen.attention.lse = Lse<double>(posed.problem.batch, posed.problem.heads, posed.problem.tokens);
    seen.attention.lse.flat() = attention.lse.flat().cast<double>();
    if (with_gradients) seen.gradients = observe({}, posed.problem, posed.inputs(true)).gradients;
    Result result = result_of(seen, dtype);
    result.pairs = result.rows_received = std::nullopt;
    return result;
}

void check_none_accused(DType dtype) {
    Index accused = 0;
    double worst = 0;
    for (std::uint64_t seed = 1; seed <= problems; ++seed) {
        // Not steep: a score may then cancel from terms so large that rounding them misses the bound.
        const PosedProblem posed = pose(seed, dtype, false);
        const Result result = correct_result(posed, dtype, seed % 4 == 0);
        const Diagnosis diagnosis = diagnose(posed.problem, posed.inputs(result.has_gradients()), result);
        worst = std::max({worst, diagnosis.errors.forward, diagnosis.errors.gradient});
        if (diagnosis.correct && diagnosis.matches.empty() && diagnosis.violated.empty()) continue;
        ++accused;
        if (accused < 10)
            MESSAGE("accused: seed ", seed, " forward ", diagnosis.errors.forward, " gradient ",
                    diagnosis.errors.gradient);
    }
    MESSAGE(name(dtype), ": accused ", accused, " of ", problems, " correct results; the largest error ", worst,
            " of its bound");
    CHECK(accused == 0);
    CHECK(worst > 0);
}

} // namespace

TEST_CASE("a correct float result is never accused") { check_none_accused(DType::f32); }
TEST_CASE("a correct result rounded to bf16 is never accused") { check_none_accused(DType::bf16); }

} // namespace dra::defects::test
