#include "cli/described.hpp"

#include "cli/version.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dra::cli {

InputInfo describe(const TensorFile& file) {
    const auto found = [&](const char* name) -> std::optional<TensorInfo> {
        if (!file.contains(name)) return std::nullopt;
        return TensorInfo{file.at(name).dtype, file.at(name).shape};
    };
    return {found("q"), found("k"), found("v"), found("dout")};
}

std::map<std::string, std::string> describe(const Problem& problem) {
    return {{"program", fmt::format("dra {}", version)},
            {"segments", fmt::format("[{}]", fmt::join(problem.segment_lengths, ", "))},
            {"dilations", fmt::format("[{}]", fmt::join(problem.dilation_rates, ", "))},
            {"mode", name(problem.mode)},
            {"phase", name(problem.phase)},
            {"causal", problem.causal ? "true" : "false"},
            {"scale", fmt::format("{}", problem.softmax_scale)},
            {"ranks", std::to_string(problem.ranks)},
            {"layout", name(problem.layout)},
            {"dropout", fmt::format("{}", problem.dropout)},
            {"seed", std::to_string(problem.dropout_seed)},
            {"stop_gradient_mixing", problem.stop_gradient_mixing ? "true" : "false"}};
}

DType parse_type(const std::string& flag, const std::string& text) {
    if (text == "fp64") return DType::f64;
    if (text == "fp32") return DType::f32;
    if (text == "bf16") return DType::bf16;
    if (text == "fp16") return DType::f16;
    throw PatternError(flag, text, "must be one of fp64, fp32, bf16, fp16");
}

} // namespace dra::cli
