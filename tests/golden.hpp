#pragma once
/// \file
/// The golden cases of tests/golden: what was asked, on which tensors, and what an independent program answered.

#include "reference/definition/oracle.hpp"
#include "reference/definition/safetensors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace dra::test {

/// The folder tests/ of the source tree.
inline std::filesystem::path data_folder() { return DRA_TEST_DATA_DIR; }

inline std::filesystem::path golden_path(const std::string& name) {
    return data_folder() / "golden" / (name + ".safetensors");
}

/// All cases by name, sorted. Throws when there are none, so that no loop over them passes by being empty.
inline std::vector<std::string> golden_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(data_folder() / "golden"))
        if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem().string());
    if (names.empty()) throw std::runtime_error("no golden cases in " + data_folder().string());
    std::ranges::sort(names);
    return names;
}

/// One case. The inputs are float32 in the file; a double engine is given them cast.
struct Golden {
    std::string name;
    Configuration configuration;
    Tensor<float> q, k, v, dout;
    /// out, lse, dq, dk, dv are the file's; only the magnitudes, which scale the bounds, are those of this project's
    /// oracle.
    Oracle expected;

    Problem problem() const { return validate(configuration, info<float>({q, k, v})); }
    Problem problem(Index ranks, Layout layout = Layout::contiguous) const {
        Configuration on_ring = configuration;
        on_ring.ranks = ranks;
        on_ring.layout = layout;
        return validate(on_ring, info<float>({q, k, v}));
    }
};

/// What was asked, by the metadata of a case's file.
inline Configuration golden_configuration(const TensorFile& file) {
    const auto& said = file.metadata;
    const auto integers = [&](const char* key) {
        return nlohmann::json::parse(said.at(key)).get<std::vector<Index>>();
    };
    Configuration asked;
    asked.segment_lengths = integers("segments");
    asked.dilation_rates = integers("dilations");
    asked.mode = parse<Mode>("mode", said.at("mode"));
    asked.phase = parse<PhaseRule>("phase", said.at("phase"));
    asked.causal = nlohmann::json::parse(said.at("causal")).get<bool>();
    if (said.contains("scale")) asked.softmax_scale = std::stod(said.at("scale"));
    return asked;
}

inline Golden load_golden(const std::string& name) {
    const TensorFile file = read_safetensors(golden_path(name));
    const auto input = [&](const char* tensor) { return to_tensor<float>(tensor, file.at(tensor)); };
    const auto answer = [&](const char* tensor) { return to_tensor<double>(tensor, file.at(tensor)); };

    Golden golden{name, golden_configuration(file), input("q"), input("k"), input("v"), input("dout"), {}};
    const Problem problem = golden.problem();
    golden.expected = oracle<float>(problem, {golden.q, golden.k, golden.v}, golden.dout.view());
    golden.expected.attention.out = answer("out");
    golden.expected.gradients = {answer("dq"), answer("dk"), answer("dv")};
    const FileTensor& lse = file.at("lse");
    if (lse.shape != std::vector<Index>{problem.batch, problem.heads, problem.tokens})
        throw ShapeError("lse.shape", name, "must be [B, H, N]");
    golden.expected.attention.lse.flat() = std::get<Eigen::ArrayX<double>>(lse.elements);
    return golden;
}

} // namespace dra::test
