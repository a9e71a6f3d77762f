#include "cuda/device/range.hpp"

#include <cmath>
#include <numbers>
#include <sstream>

namespace dra::cuda {
namespace {

double largest_magnitude(const char* name, const Tensor<float>& given, DType type) {
    const Tensor<float> tensor = rounded(given, type);
    check_finite<float>(name, tensor);
    return tensor.flat().abs().maxCoeff();
}

std::string text(double value) {
    std::ostringstream stream;
    stream.precision(9);
    stream << value;
    return stream.str();
}

void check(const char* field, double value, double largest, const char* why) {
    if (value > largest)
        throw ShapeError(field, text(value), "must be at most " + text(largest) + " on a device: " + why);
}

} // namespace

void check_scale(const Problem& problem) {
    if (std::abs(problem.softmax_scale) > largest_scale)
        throw PatternError("softmax_scale", text(problem.softmax_scale),
                           "must be at most " + text(largest_scale) + " in magnitude on a device");
}

void check_range(const Problem& problem, DType type, const Tensor<float>& q, const Tensor<float>& k,
                 const Tensor<float>& v) {
    const double largest_q = largest_magnitude("q", q, type), largest_k = largest_magnitude("k", k, type),
                 largest_v = largest_magnitude("v", v, type);
    const double score = static_cast<double>(problem.head_dim) * largest_q * largest_k;
    const double c = std::abs(problem.softmax_scale) * std::numbers::log2e;
    check("N*max|v|", static_cast<double>(problem.tokens) * largest_v, largest_value_sum, "sums are in float");
    if (type == DType::f16) check("max|v|", largest_v, largest_fp16_value, "weights are rounded to fp16");
    check("D*max|q|*max|k|", score, largest_score, "scores are in float");
    check("log2(e)*|softmax_scale|*D*max|q|*max|k|", c * score, largest_exponent, "exponents are in float");
}

} // namespace dra::cuda
