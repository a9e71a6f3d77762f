#include "cuda/device/range.hpp"
#include "cuda/device/device_problem.hpp"
#include "tests/problems.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

/// One element of each tensor, and the scale.
struct Given {
    float q = 1, k = 1, v = 1;
    double scale = 0.25;
};

/// How a problem of N = 4, D = 2 is refused, whose tensors are 0 but for the given elements.
std::string refusal(DType type, const Given& given) {
    const Shape shape{1, 4, 1, 2};
    Tensor<float> q(shape, 0), k(shape, 0), v(shape, 0);
    q(0, 1, 0, 0) = given.q;
    k(0, 2, 0, 1) = given.k;
    v(0, 3, 0, 0) = given.v;
    try {
        const Problem problem = validate({.segment_lengths = {4}, .dilation_rates = {1}, .softmax_scale = given.scale},
                                         info<float>({q, k, v}));
        cuda::device_problem(problem);
        cuda::check_range(problem, type, q, k, v);
        return "";
    } catch (const InputError& error) {
        return error.what();
    }
}

constexpr DType types[] = {DType::f32, DType::bf16, DType::f16};

TEST_CASE("an element of q, k or v that is not finite in the type is refused by its place") {
    constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    for (const DType type : types)
        for (const auto& [x, text] : {std::pair{nan, "nan"}, {infinity, "inf"}, {-infinity, "-inf"}}) {
            const std::string rule = std::string(" = ") + text + ": must be finite";
            CHECK(refusal(type, {.q = x}) == "q[0, 1, 0, 0]" + rule);
            CHECK(refusal(type, {.k = x}) == "k[0, 2, 0, 1]" + rule);
            CHECK(refusal(type, {.v = x}) == "v[0, 3, 0, 0]" + rule);
        }
    CHECK(refusal(DType::f16, {.k = 65520}) == "k[0, 2, 0, 1] = inf: must be finite");
}

TEST_CASE("what lies beyond a bound of the range is refused with the field, its value and the rule") {
    for (const DType type : {DType::f32, DType::bf16}) {
        CHECK(refusal(type, {.v = -0x1p117f}) == "");
        CHECK(refusal(type, {.v = -0x1.02p117f}) ==
              "N*max|v| = 6.69806295e+35: must be at most 6.64613998e+35 on a device: sums are in float");
        CHECK(refusal(type, {.q = 0x1p49f, .k = 0x1p50f, .scale = 0}) == "");
        CHECK(refusal(type, {.q = 0x1p49f, .k = -0x1.02p50f, .scale = 0}) ==
              "D*max|q|*max|k| = 1.27755412e+30: must be at most 1.2676506e+30 on a device: scores are in float");
    }
    CHECK(refusal(DType::f16, {.v = 65472}) == "");
    CHECK(refusal(DType::f16, {.v = 65504}) ==
          "max|v| = 65504: must be at most 65472 on a device: weights are rounded to fp16");
    for (const DType type : types) {
        CHECK(refusal(type, {.q = 1024, .k = -1024, .scale = 2.7}) == "");
        CHECK(refusal(type, {.q = 1024, .k = -1024, .scale = -2.8}) ==
              "log2(e)*|softmax_scale|*D*max|q|*max|k| = 8471542.21: must be at most 8388608 on a device: "
              "exponents are in float");
    }
}

TEST_CASE("a scale that exceeds float in base 2 is refused by every executor") {
    for (const DType type : types) {
        CHECK(refusal(type, {.q = 0, .scale = 0x1p127}) == "");
        CHECK(refusal(type, {.q = 0, .scale = -3e38}) ==
              "softmax_scale = -3e+38: must be at most 1.70141183e+38 in magnitude on a device");
    }
}

} // namespace
} // namespace dra::test
