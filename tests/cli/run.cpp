#include "reference/definition/tolerance.hpp"
#include "tests/cli/golden_flags.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

struct Result {
    ErrorRatios ratios;
    TensorFile file;
};

/// Runs the program on `input` and judges every tensor that it wrote, which must be of type T.
template <class T> Result run(const Golden& golden, const std::string& input, const std::vector<std::string>& more) {
    const Folder folder;
    const std::string output = folder.file("result.safetensors");
    const Outcome outcome = call(std::vector<std::string>{"run", "--input", input, "--output", output} +
                                 flags_of(golden.configuration) + more);
    CHECK(outcome.error == "");
    CHECK(outcome.out == "");
    REQUIRE(outcome.status == 0);

    const TensorFile file = read_safetensors(output);
    const DType expected_type = std::is_same_v<T, double> ? DType::f64 : DType::f32;
    for (const auto& [name, tensor] : file.tensors) CHECK(tensor.dtype == expected_type);
    const auto tensor = [&](const char* name) { return to_tensor<T>(name, file.at(name)); };
    const Problem problem = golden.problem();
    Attention<T> attention{tensor("out"), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    REQUIRE(file.at("lse").shape == std::vector<Index>{problem.batch, problem.heads, problem.tokens});
    attention.lse.flat() = std::get<Eigen::ArrayX<T>>(file.at("lse").elements);
    const Gradients<T> gradients{tensor("dq"), tensor("dk"), tensor("dv")};
    return {error_ratios(problem, golden.expected, attention, &gradients), file};
}

/// Every golden case through one backend, with every number of ranks.
void check_golden(const std::string& backend, const std::string& layout) {
    double forward = 0, backward = 0;
    for (const std::string& name : golden_names()) {
        const Golden golden = load_golden(name);
        for (const char* ranks : {"1", "2", "3", "4", "7"}) {
            CAPTURE(name);
            CAPTURE(ranks);
            const auto [ratios, file] = run<float>(golden, golden_path(name).string(),
                                                   {"--backend", backend, "--layout", layout, "--ranks", ranks});
            CHECK(ratios.within_bounds());
            forward = std::max(forward, ratios.forward());
            backward = std::max({backward, ratios.dq, ratios.dk, ratios.dv});
        }
    }
    MESSAGE("largest error ratios: ", forward, " forward, ", backward, " gradients");
}

/// The inputs of a case, in another type.
template <class T> TensorFile inputs_as(const Golden& golden) {
    TensorFile file;
    file.tensors["q"] = to_file(golden.q.cast<T>());
    file.tensors["k"] = to_file(golden.k.cast<T>());
    file.tensors["v"] = to_file(golden.v.cast<T>());
    file.tensors["dout"] = to_file(golden.dout.cast<T>());
    return file;
}

/// A BF16 file of values that bf16 holds exactly: the upper halves of their floats.
void write_bf16(const std::string& path, const TensorFile& floats) {
    nlohmann::json header;
    std::string data;
    for (const auto& [name, tensor] : floats.tensors) {
        const auto& elements = std::get<Eigen::ArrayXf>(tensor.elements);
        const std::size_t begin = data.size();
        for (const float x : elements) {
            const auto bits = std::bit_cast<std::uint32_t>(x);
            REQUIRE((bits & 0xffff) == 0);
            data += {static_cast<char>(bits >> 16 & 0xff), static_cast<char>(bits >> 24)};
        }
        header[name] = {{"dtype", "BF16"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
    }
    const std::string text = header.dump();
    const std::uint64_t length = text.size();
    std::ofstream stream(path, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(&length), sizeof length);
    stream << text << data;
}

} // namespace

TEST_CASE("every golden case passes through the oracle backend, whatever the number of ranks") {
    check_golden("oracle", "contiguous");
}

TEST_CASE("every golden case passes through the cpu backend, whatever the number of ranks") {
    check_golden("cpu", "contiguous");
}

TEST_CASE("every golden case passes through the ring backend on 1, 2, 3, 4 and 7 ranks") {
    check_golden("ring", "contiguous");
}

TEST_CASE("every golden case passes through a zigzag ring on 1, 2, 3, 4 and 7 ranks") {
    check_golden("ring", "zigzag");
    check_golden("ring", "segment-zigzag");
}

TEST_CASE("F64 input is computed and written in double by every backend") {
    const Folder folder;
    const std::string input = folder.file("in.safetensors");
    for (const std::string name : {"mixture-gqa", "dilated-causal", "large-scores"}) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        write_safetensors(input, inputs_as<double>(golden));
        for (const std::string backend : {"oracle", "cpu", "ring"}) {
            CAPTURE(backend);
            CHECK(run<double>(golden, input, {"--backend", backend, "--ranks", "3"}).ratios.within_bounds());
        }
    }
}

TEST_CASE("BF16 input is widened, and computed and written in float") {
    const Folder folder;
    const Golden golden = load_golden("bf16-64-causal-ragged");
    write_bf16(folder.file("in"), inputs_as<float>(golden));
    for (const std::string backend : {"oracle", "cpu", "ring"})
        CHECK(run<float>(golden, folder.file("in"), {"--backend", backend}).ratios.within_bounds());
}

TEST_CASE("the defaults are those of the definition, and the result says how it was made") {
    const Folder folder;
    const std::string output = folder.file("out");
    const Outcome outcome = call({"run", "--input", golden_path("dense").string(), "--output", output, "--segments",
                                  "16,64", "--dilations", "1,2"});
    REQUIRE(outcome.status == 0);
    const auto metadata = read_safetensors(output).metadata;
    CHECK(metadata.at("backend") == "cpu");
    CHECK(metadata.at("segments") == "[16, 64]");
    CHECK(metadata.at("dilations") == "[1, 2]");
    CHECK(metadata.at("mode") == "groups");
    CHECK(metadata.at("phase") == "group");
    CHECK(metadata.at("causal") == "false");
    CHECK(std::stod(metadata.at("scale")) == 1 / std::sqrt(8.0));
    CHECK(metadata.at("ranks") == "1");
    CHECK(metadata.at("layout") == "contiguous");
    CHECK(metadata.at("program").starts_with("dra "));
}

TEST_CASE("gradients are written exactly when dout is given") {
    const Folder folder;
    TensorFile file = inputs_as<float>(load_golden("dense"));
    const auto names = [&](const std::string& backend) {
        write_safetensors(folder.file("in"), file);
        const Outcome outcome = call({"run", "--input", folder.file("in"), "--output", folder.file("out"), "--segments",
                                      "64", "--dilations", "1", "--backend", backend});
        REQUIRE(outcome.status == 0);
        std::string all;
        for (const auto& [name, tensor] : read_safetensors(folder.file("out")).tensors) all += name + " ";
        return all;
    };
    CHECK(names("cpu") == "dk dq dv lse out ");
    file.tensors.erase("dout");
    for (const std::string backend : {"oracle", "cpu", "ring"}) CHECK(names(backend) == "lse out ");
}

TEST_CASE("dropout drops the same pairs in every backend, which the result names") {
    Golden golden = load_golden("mixture-gqa");
    golden.configuration.dropout = 0.25;
    golden.configuration.dropout_seed = 7;
    golden.expected = oracle<float>(golden.problem(), {golden.q, golden.k, golden.v}, golden.dout.view());
    for (const std::string backend : {"oracle", "cpu", "ring"}) {
        CAPTURE(backend);
        const auto [ratios, file] =
            run<float>(golden, golden_path(golden.name).string(),
                       {"--backend", backend, "--ranks", "3", "--dropout", "0.25", "--seed", "7"});
        CHECK(ratios.within_bounds());
        CHECK(std::stod(file.metadata.at("dropout")) == 0.25);
        CHECK(file.metadata.at("seed") == "7");
    }
}

TEST_CASE("the number of threads changes no bit") {
    const Golden golden = load_golden("three-groups");
    for (const std::string backend : {"oracle", "cpu", "ring"}) {
        const TensorFile one =
            run<float>(golden, golden_path(golden.name).string(), {"--backend", backend, "--threads", "1"}).file;
        const TensorFile three =
            run<float>(golden, golden_path(golden.name).string(), {"--backend", backend, "--threads", "3"}).file;
        for (const auto& [name, tensor] : one.tensors) {
            CHECK(
                (std::get<Eigen::ArrayXf>(tensor.elements) == std::get<Eigen::ArrayXf>(three.at(name).elements)).all());
        }
    }
}

TEST_CASE("the tensors of a real language model are within bounds in a ring of 4") {
    const Folder folder;
    const TensorFile file = read_safetensors(data_folder() / "data" / "lm-qkv.safetensors");
    const Tensor<float> q = to_tensor<float>("q", file.at("q")), k = to_tensor<float>("k", file.at("k")),
                        v = to_tensor<float>("v", file.at("v"));
    const Problem problem =
        validate({.segment_lengths = {512, 2048}, .dilation_rates = {1, 4}, .mode = Mode::mixture, .causal = true},
                 info<float>({q, k, v}));
    const Oracle truth = oracle<float>(problem, {q, k, v});
    CHECK(truth.of(0, 0).score > 8); // scores large enough to matter
    for (const std::string backend : {"cpu", "ring"}) {
        const Outcome outcome = call({"run", "--input", (data_folder() / "data" / "lm-qkv.safetensors").string(),
                                      "--output", folder.file("out"), "--segments", "512,2048", "--dilations", "1,4",
                                      "--mode", "mixture", "--causal", "--backend", backend, "--ranks", "4"});
        REQUIRE(outcome.status == 0);
        const TensorFile result = read_safetensors(folder.file("out"));
        Attention<float> attention{to_tensor<float>("out", result.at("out")), Lse<float>(1, 4, 2048)};
        attention.lse.flat() = std::get<Eigen::ArrayXf>(result.at("lse").elements);
        const ErrorRatios ratios = error_ratios(problem, truth, attention);
        CHECK(ratios.within_bounds());
        MESSAGE(backend, ": error ratios ", ratios.out, " out, ", ratios.lse, " lse");
    }
}

} // namespace dra::test
