#include "cuda/device/attention.hpp"
#include "tests/cli/complaint.hpp"
#include "tests/cli/golden_flags.hpp"
#include "tests/cuda/host/judgement.hpp"

namespace dra::test {
namespace {

using Arguments = std::vector<std::string>;

/// The inputs of a case without dout, which devices do not take, in a file of the type `stored`.
void write_inputs(const std::string& path, const Golden& golden, DType stored) {
    TensorFile file;
    file.tensors["q"] = to_file(golden.q, stored);
    file.tensors["k"] = to_file(golden.k, stored);
    file.tensors["v"] = to_file(golden.v, stored);
    write_safetensors(path, file);
}

/// What the emulated backend writes for a golden case. Its types are checked here.
TensorFile run_emulated(const Golden& golden, DType stored, DType expected, const Arguments& more) {
    const Folder folder;
    write_inputs(folder.file("in"), golden, stored);
    const Outcome outcome =
        call(Arguments{"run", "--backend", "emulated", "--input", folder.file("in"), "--output", folder.file("out")} +
             flags_of(golden.configuration) + more);
    CHECK(outcome.error == "");
    REQUIRE(outcome.status == 0);
    TensorFile file = read_safetensors(folder.file("out"));
    CHECK(file.tensors.size() == 2);
    CHECK(file.at("out").dtype == expected);
    CHECK(file.at("lse").dtype == DType::f32);
    CHECK(file.metadata.at("backend") == "emulated");
    CHECK(file.metadata.at("dtype") == cuda::type_name(expected));
    CHECK(file.metadata.at("device") != "");
    return file;
}

/// The error of a result as a share of its bound; in fp32, against the independent program's answer.
double error_of(const Golden& golden, DType type, const TensorFile& file) {
    const Problem problem = golden.problem();
    Attention<float> result{to_tensor<float>("out", file.at("out")),
                            Lse<float>(problem.batch, problem.heads, problem.tokens)};
    REQUIRE(file.at("lse").shape == std::vector<Index>{problem.batch, problem.heads, problem.tokens});
    result.lse.flat() = std::get<Eigen::ArrayXf>(file.at("lse").elements);
    if (type == DType::f32) return error_ratios(problem, golden.expected, result).forward() / forward_bound;
    return share_of_bound(problem, type, golden.q, golden.k, golden.v, result);
}

void check_golden(DType type) {
    double worst = 0;
    for (const std::string& name : golden_names()) {
        CAPTURE(name);
        const Golden golden = load_golden(name);
        const TensorFile file = run_emulated(golden, DType::f32, type, {"--dtype", cuda::type_name(type)});
        const double share = error_of(golden, type, file);
        CHECK(share <= 1);
        worst = std::max(worst, share);
    }
    MESSAGE("largest error ", worst, " of the bound");
}

Arguments emulated(const Arguments& more = {}) {
    return Arguments{"--segments", "4", "--dilations", "1", "--backend", "emulated"} + more;
}

} // namespace

TEST_CASE("every golden case passes through the emulated backend in fp32") { check_golden(DType::f32); }
TEST_CASE("every golden case passes through the emulated backend in bf16") { check_golden(DType::bf16); }
TEST_CASE("every golden case passes through the emulated backend in fp16") { check_golden(DType::f16); }

TEST_CASE("a file's own type is the default, where kernels have it") {
    const Golden golden = load_golden("gqa");
    run_emulated(golden, DType::f32, DType::f32, {});
    run_emulated(golden, DType::bf16, DType::bf16, {});
    run_emulated(golden, DType::f16, DType::f16, {});
}

TEST_CASE("every kernel can be chosen by name, and is then the one that ran") {
    const Golden golden = load_golden("bf16-64");
    for (const std::string& kernel : cuda::emulated_device()->kernel_names()) {
        CAPTURE(kernel);
        const TensorFile file = run_emulated(golden, DType::f32, DType::bf16, {"--dtype", "bf16", "--kernel", kernel});
        CHECK(file.metadata.at("kernel") == kernel);
        const double share = error_of(golden, DType::bf16, file);
        MESSAGE(kernel, ": error ", share, " of the bound");
        CHECK(share <= 1);
    }
}

TEST_CASE("what kernels cannot do is refused in one line") {
    const Folder folder;
    const std::string input = folder.file("in");
    const Golden golden = load_golden("gqa");
    write_inputs(input, golden, DType::f64);
    CHECK(run_complaint(emulated(), input) == "q.dtype = F64: must be F32, BF16 or F16 with --backend emulated");
    CHECK(run_complaint(emulated()) ==
          "dout = (given): must not be in the file with --backend emulated, which computes no gradients");

    write_inputs(input, golden, DType::f32);
    CHECK(run_complaint(emulated({"--kernel", "quick"}), input).starts_with("kernel = quick: must be one of naive, "));
    CHECK(run_complaint(emulated({"--kernel", "tensor_core", "--dtype", "fp32"}), input) ==
          "kernel `tensor_core` takes bf16 and fp16, not fp32");

    TensorFile large;
    for (const char* name : {"q", "k", "v"}) large.tensors[name] = to_file(Tensor<float>({1, 4, 1, 2}, 1e6f));
    write_safetensors(input, large);
    CHECK(run_complaint(emulated({"--check-finite", "--dtype", "fp16"}), input) ==
          "q[0, 0, 0, 0] = inf: must be finite"); // it is, but not in fp16
}

TEST_CASE("--check-finite refuses what a device's result might not be finite for, and nothing is computed") {
    const Folder folder;
    const std::string input = folder.file("in");
    for (const std::string type : {"fp32", "bf16", "fp16"})
        for (const std::string wrong : {"q", "k", "v"}) {
            TensorFile file;
            for (const char* name : {"q", "k", "v"}) file.tensors[name] = to_file(Tensor<float>({1, 4, 1, 2}, 1));
            file.tensors[wrong] = to_file(Tensor<float>({1, 4, 1, 2}, std::numeric_limits<float>::quiet_NaN()));
            write_safetensors(input, file);
            CHECK(run_complaint(emulated({"--check-finite", "--dtype", type}), input) ==
                  wrong + "[0, 0, 0, 0] = nan: must be finite");
        }
    TensorFile large;
    for (const char* name : {"q", "k"}) large.tensors[name] = to_file(Tensor<float>({1, 4, 1, 2}, 1));
    large.tensors["v"] = to_file(Tensor<float>({1, 4, 1, 2}, 0x1p118f));
    write_safetensors(input, large);
    CHECK(run_complaint(emulated({"--check-finite"}), input) ==
          "N*max|v| = 1.329228e+36: must be at most 6.64613998e+35 on a device: sums are in float");
    CHECK(run_complaint(emulated({"--scale", "3e38"}), input) ==
          "softmax_scale = 3e+38: must be at most 1.70141183e+38 in magnitude on a device");
}

} // namespace dra::test
