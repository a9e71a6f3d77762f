#include "reference/defects/probes.hpp"
#include "tests/cli/complaint.hpp"
#include "tests/cli/golden_flags.hpp"

namespace dra::test {
namespace {

using Words = std::vector<std::string>;

nlohmann::json read_json(const std::string& path) { return nlohmann::json::parse(read_text(path)); }

/// What is asked of every file here.
Words asked(const std::string& input) {
    return {"--input", input, "--segments", "16", "--dilations", "1", "--causal", "--ranks", "4"};
}

/// A file with random inputs, and the right results in float.
void emit(const std::string& path, const Words& more = {}) {
    const Outcome outcome = call(Words{"oracle", "--emit", path, "--tokens", "16", "--heads", "2", "--head-dim", "8",
                                       "--segments", "16", "--dilations", "1", "--causal"} +
                                 more);
    REQUIRE_MESSAGE(outcome.status == 0, outcome.error);
}

/// The results of a defect on the file's problem, in its place.
void spoil(const std::string& path, const std::string& id) {
    TensorFile file = read_safetensors(path);
    const Tensor<double> q = to_tensor<double>("q", file.at("q")), k = to_tensor<double>("k", file.at("k")),
                         v = to_tensor<double>("v", file.at("v"));
    const Problem problem =
        validate({.segment_lengths = {16}, .dilation_rates = {1}, .causal = true, .ranks = 4}, info<double>({q, k, v}));
    const auto seen = defects::observe(defects::defect(id).first(problem), problem, {{q, k, v}});
    file.tensors["out"] = to_file(seen.attention.out.cast<float>());
    file.tensors.erase("lse");
    for (const char* gradient : {"dq", "dk", "dv"}) file.tensors.erase(gradient);
    write_safetensors(path, file);
}

} // namespace

TEST_CASE("what the oracle emits is correct, in every type, and in the form of the golden files") {
    const Folder folder;
    for (const std::string type : {"fp64", "fp32", "bf16", "fp16"}) {
        CAPTURE(type);
        const std::string path = folder.file(type);
        emit(path, {"--dtype", type});
        const TensorFile file = read_safetensors(path), golden = read_safetensors(golden_path("dense-causal"));
        for (const auto& [name, tensor] : golden.tensors) CHECK(file.contains(name));
        for (const auto& [key, value] : golden.metadata) CHECK(file.metadata.contains(key));
        const Outcome outcome = call(Words{"diagnose", "--json", folder.file("json")} + asked(path));
        CHECK(outcome.status == 0);
        CHECK(read_json(folder.file("json"))["verdict"] == "correct");
    }
}

TEST_CASE("the same seed gives the same file") {
    const Folder folder;
    emit(folder.file("a"), {"--tensor-seed", "7"});
    emit(folder.file("b"), {"--tensor-seed", "7"});
    emit(folder.file("c"), {"--tensor-seed", "8"});
    CHECK(read_text(folder.file("a")) == read_text(folder.file("b")));
    CHECK(read_text(folder.file("a")) != read_text(folder.file("c")));
}

TEST_CASE("a wrong result is named: exit status 1, the text, the JSON and the heat map") {
    const Folder folder;
    emit(folder.file("x"));
    spoil(folder.file("x"), "merge-by-max");
    const Outcome outcome =
        call(Words{"diagnose", "--json", folder.file("json"), "--heat-map", folder.file("map.svg")} +
             asked(folder.file("x")));
    CHECK(outcome.status == 1);
    CHECK(outcome.error == "");
    CHECK(outcome.out.starts_with("wrong, as F32\n"));
    CHECK(outcome.out.find("docs/defects.md#merge-by-max") != std::string::npos);
    CHECK(outcome.out.find("chunks begin") != std::string::npos);
    const nlohmann::json json = read_json(folder.file("json"));
    CHECK(json["verdict"] == "wrong");
    CHECK(json["error_ratios"]["out"] > 30);
    CHECK(json["matches"][0]["id"] == "merge-by-max");
    CHECK(json["matches"][0]["residual"] < 1e-6);
    CHECK(std::ranges::find(json["violated"], "chunks-alike") != json["violated"].end());
    CHECK(json.size() == 4);
    CHECK(read_text(folder.file("map.svg")).starts_with("<svg"));
}

TEST_CASE("a file is written by one flag, and none that is read") {
    const Folder folder;
    emit(folder.file("x"));
    const std::string before = read_text(folder.file("x")), json = folder.file("json"), around = folder.file("./json");
    const auto said = [&](const Words& more) { return complaint(Words{"diagnose"} + more + asked(folder.file("x"))); };
    CHECK(said({"--json", json, "--heat-map", json}) ==
          "--heat-map = " + json + ": must be another file than that of --json");
    CHECK(said({"--json", json, "--heat-map", around}) ==
          "--heat-map = " + around + ": must be another file than that of --json");
    CHECK(said({"--json", folder.file("x")}) ==
          "--json = " + folder.file("x") + ": must be another file than that of --input");
    CHECK(said({"--output-to-check", folder.file("y"), "--heat-map", folder.file("y")}) ==
          "--heat-map = " + folder.file("y") + ": must be another file than that of --output-to-check");
    CHECK(read_text(folder.file("x")) == before);
    CHECK_FALSE(std::filesystem::exists(json));
}

TEST_CASE("results may stand in a file of their own, and be judged as another type") {
    const Folder folder;
    emit(folder.file("x"));
    TensorFile file = read_safetensors(folder.file("x")), results;
    const Tensor<double> out = to_tensor<double>("out", file.at("out"));
    results.tensors["out"] = to_file(rounded_to<bfloat16>(out.cast<float>()));
    write_safetensors(folder.file("results"), results);
    const Words flags = Words{"diagnose", "--output-to-check", folder.file("results")} + asked(folder.file("x"));
    CHECK(call(flags).status == 1); // as F32
    const Outcome narrow = call(flags + Words{"--dtype", "bf16"});
    CHECK(narrow.out.starts_with("wrong, as BF16\n") != (narrow.status == 0));
}

TEST_CASE("bad input of diagnose, probe and oracle is named") {
    const Folder folder;
    emit(folder.file("x"));
    const auto diagnose = [&](const Words& more) {
        return complaint(Words{"diagnose"} + asked(folder.file("x")) + more);
    };
    CHECK(diagnose({"--dtype", "int8"}) == "--dtype = int8: must be one of fp64, fp32, bf16, fp16");
    CHECK(diagnose({"--dropout", "0.5"}) == "dropout = 0.5: must be 0: the defects are run without");
    CHECK(diagnose({"--json", folder.file("absent/json")}).starts_with("--json = "));
    CHECK(diagnose({"--output-to-check", "/absent/file"}).starts_with("input = /absent/file"));
    CHECK(complaint({"diagnose"}) == "--input = (missing): must be given");
    CHECK(complaint({"probe"}) == "--emit, --check = (missing): exactly one must be given");
    CHECK(complaint({"probe", "--check", folder.file("x")}).starts_with("--check = "));
    CHECK(complaint({"oracle", "--emit", folder.file("y"), "--tokens", "0", "--segments", "1", "--dilations", "1"}) ==
          "q.shape = [1, 0, 4, 64]: N must be at least 1");
    CHECK(complaint({"oracle", "--emit", folder.file("y"), "--tokens", "4", "--segments", "1", "--dilations", "2"}) ==
          "dilation_rates[0] = 2: must be between 1 and segment_lengths[0] = 1");

    TensorFile file = read_safetensors(folder.file("x"));
    file.tensors.erase("out");
    write_safetensors(folder.file("x"), file);
    CHECK(diagnose({}).starts_with("out = "));
}

TEST_CASE("probes go out as files, answers come back as files, and the defect is named") {
    const Folder folder;
    REQUIRE(call({"probe", "--emit", folder.file("probes")}).status == 0);
    CHECK(read_json(folder.file("probes/index.json")).size() == defects::probes().size());
    for (const defects::Probe& probe : defects::probes()) {
        const defects::Result result = defects::answer(probe, defects::defect("segments-ignored"), 0);
        TensorFile file;
        file.tensors["out"] = to_file(result.out, probe.dtype);
        write_safetensors(folder.file("probes/" + probe.name + ".answer.safetensors"), file);
    }
    const Outcome outcome = call({"probe", "--check", folder.file("probes"), "--json", folder.file("json")});
    CHECK(outcome.status == 1);
    const nlohmann::json json = read_json(folder.file("json"));
    CHECK(json["verdict"] == "wrong");
    REQUIRE(json["matches"].size() == 1);
    CHECK(json["matches"][0]["id"] == "segments-ignored");
}

} // namespace dra::test
