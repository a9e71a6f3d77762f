#include "tests/cli/complaint.hpp"

#include <limits>

namespace dra::test {
namespace {

std::vector<std::string> patterns(const std::string& segments, const std::string& dilations) {
    return {"--segments", segments, "--dilations", dilations};
}

TensorFile some_inputs() {
    TensorFile file;
    for (const char* name : {"q", "k", "v", "dout"}) file.tensors[name] = to_file(Tensor<float>({1, 4, 2, 3}, 1));
    return file;
}

} // namespace

TEST_CASE("a wrong command is named") {
    CHECK(complaint({}).starts_with("command = (missing): must be one of run"));
    CHECK(complaint({"walk"}).starts_with("command = walk: must be one of run"));
    CHECK(complaint({"--fast"}) == "flag = --fast: must be one that --help lists");
}

TEST_CASE("a wrong flag of run is named") {
    const auto right = patterns("16,48", "1,3");
    using Arguments = std::vector<std::string>;
    CHECK(run_complaint(right + Arguments{"--foo"}) == "flag = --foo: must be one that --help lists");
    CHECK(run_complaint(right + Arguments{"--foo=3"}) == "flag = --foo=3: must be one that --help lists");
    CHECK(run_complaint(right + Arguments{"-x"}) == "flag = -x: must be one that --help lists");
    CHECK(run_complaint(right + Arguments{"extra"}) == "argument = extra: must follow a flag that takes it");
    CHECK(run_complaint(right + Arguments{"--scale"}) == "--scale = (missing): must be given one value");
    CHECK(run_complaint(right + Arguments{"--ranks", "1", "--ranks", "2"}) ==
          "--ranks = (repeated): must be given one value");
    CHECK(run_complaint(right + Arguments{"--causal=maybe"}) == "--causal = maybe: cannot be read as what it takes");
    CHECK(run_complaint(right + Arguments{"--seed", "-1"}) == "--seed = -1: must be an integer from 0 to 2^64 - 1");
    CHECK(run_complaint({"--segments", "4"}) == "--dilations = (missing): must be given");
    CHECK(complaint({"run"}) == "--input = (missing): must be given");
}

TEST_CASE("a value that is not of its flag's kind is refused with the flag") {
    const std::string list = ": must be a list of integers, such as 2048,4096";
    for (const std::string wrong : {"x", "1,", ",1", "1,,2", "1.5", "1 2", "", "1,2x", "99999999999999999999,x"}) {
        CAPTURE(wrong);
        CHECK(run_complaint(patterns("16,48", wrong)) == "--dilations = " + wrong + list);
        CHECK(run_complaint(patterns(wrong, "1,3")) == "--segments = " + wrong + list);
    }
    const auto with = [](const std::string& flag, const std::string& value) {
        return run_complaint(patterns("16,48", "1,3") + std::vector<std::string>{flag, value});
    };
    CHECK(with("--ranks", "two") == "--ranks = two: must be an integer");
    CHECK(with("--ranks", "") == "--ranks = : must be an integer");
    CHECK(with("--scale", "0.1.2") == "--scale = 0.1.2: must be a number");
    CHECK(with("--scale", "") == "--scale = : must be a number");
    CHECK(with("--threads", "0") == "--threads = 0: must be an integer from 1 to 1024");
    CHECK(with("--threads", "1025") == "--threads = 1025: must be an integer from 1 to 1024");
    CHECK(with("--threads", "all") == "--threads = all: must be an integer from 1 to 1024");
    CHECK(with("--mode", "both") == "--mode = both: must be one of groups, mixture");
    CHECK(with("--phase", "tail") == "--phase = tail: must be one of group, head, head-block");
    CHECK(with("--phase", "") == "--phase = : must be one of group, head, head-block");
    CHECK(with("--layout", "z") == "--layout = z: must be one of contiguous, zigzag, segment-zigzag");
    CHECK(with("--backend", "gpu") == "--backend = gpu: must be one of oracle, cpu, ring, distributed, cuda, emulated");
}

TEST_CASE("a number beyond what its type holds is not called no number") {
    const std::string list = ": must be a list of integers from -2^63 to 2^63 - 1",
                      integer = ": must be an integer from -2^63 to 2^63 - 1",
                      real = ": must be 0 or of a magnitude that double holds, from 2.23e-308 to 1.79e+308",
                      seed = ": must be an integer from 0 to 2^64 - 1";
    const auto with = [](const std::string& flag, const std::string& value) {
        return run_complaint(patterns("16,48", "1,3") + std::vector<std::string>{flag, value});
    };
    for (const std::string large : {"9223372036854775808", "-9223372036854775809", "99999999999999999999"}) {
        CHECK(run_complaint(patterns("16," + large, "1,3")) == "--segments = 16," + large + list);
        CHECK(run_complaint(patterns("16,48", large + ",3")) == "--dilations = " + large + ",3" + list);
        CHECK(with("--ranks", large) == "--ranks = " + large + integer);
        CHECK(complaint({"oracle", "--emit", "/absent/file", "--segments", "4", "--dilations", "1", "--tokens",
                         large}) == "--tokens = " + large + integer);
    }
    for (const std::string beyond : {"1e400", "-1e400", "1e-400"}) {
        CHECK(with("--scale", beyond) == "--scale = " + beyond + real);
        CHECK(with("--dropout", beyond) == "--dropout = " + beyond + real);
    }
    CHECK(with("--seed", "18446744073709551616") == "--seed = 18446744073709551616" + seed);
    CHECK(with("--threads", "99999999999") == "--threads = 99999999999: must be an integer from 1 to 1024");
}

TEST_CASE("a configuration that breaks a rule is refused by every backend") {
    for (const std::string backend : {"oracle", "cpu", "ring"}) {
        const auto with = [&](const std::vector<std::string>& flags) {
            return run_complaint(flags + std::vector<std::string>{"--backend", backend});
        };
        const auto right = patterns("16,48", "1,3");
        CHECK(with(patterns("8,8", "1,9")) == "dilation_rates[1] = 9: must be between 1 and segment_lengths[1] = 8");
        CHECK(with(patterns("8", "-1")) == "dilation_rates[0] = -1: must be between 1 and segment_lengths[0] = 8");
        CHECK(with(patterns("0", "1")) == "segment_lengths[0] = 0: must be at least 1");
        CHECK(with(patterns("8", "1,1")) ==
              "dilation_rates = [1, 1]: must have as many entries as segment_lengths = [8]");
        CHECK(with(right + std::vector<std::string>{"--ranks", "0"}) == "ranks = 0: must be between 1 and 65536");
        CHECK(with(right + std::vector<std::string>{"--scale", "1e39"}) ==
              "softmax_scale = 1e+39: must be 0 or of a magnitude that float holds, from 1.18e-38 to 3.40e+38");
        CHECK(with(right + std::vector<std::string>{"--scale", "1e-50"}) ==
              "softmax_scale = 1e-50: must be 0 or of a magnitude that float holds, from 1.18e-38 to 3.40e+38");
        CHECK(with(right + std::vector<std::string>{"--scale", "inf"}) == "softmax_scale = inf: must be finite");
    }
}

TEST_CASE("tensors that are missing or disagree are refused") {
    TensorFile file = some_inputs();
    file.tensors.erase("k");
    CHECK(input_complaint(file) == "k = (missing): must be given");

    file = some_inputs();
    file.tensors["v"] = to_file(Tensor<double>({1, 4, 2, 3}, 1));
    CHECK(input_complaint(file) == "v.dtype = F64: must be that of q, F32");

    file = some_inputs();
    file.tensors["dout"] = to_file(Tensor<float>({1, 4, 1, 3}, 1));
    CHECK(input_complaint(file) == "dout.shape = [1, 4, 1, 3]: H must be that of q, 2");

    file = some_inputs();
    file.tensors["q"] = {DType::f32, {4, 6}, Eigen::ArrayXf::Ones(24).eval()};
    CHECK(input_complaint(file) == "q.shape = [4, 6]: must be [B, N, H, D]");

    file = some_inputs();
    file.tensors["q"] = to_file(Tensor<float>({1, 0, 2, 3}));
    CHECK(input_complaint(file) == "q.shape = [1, 0, 2, 3]: N must be at least 1");
}

TEST_CASE("values that are not finite are refused when that is asked for, and only then") {
    TensorFile file = some_inputs();
    Tensor<float> dout({1, 4, 2, 3}, 1);
    dout(0, 3, 1, 2) = std::numeric_limits<float>::quiet_NaN();
    file.tensors["dout"] = to_file(dout);
    CHECK(input_complaint(file, {"--check-finite"}) == "dout[0, 3, 1, 2] = nan: must be finite");

    const Folder folder;
    write_safetensors(folder.file("in"), file);
    CHECK(call({"run", "--input", folder.file("in"), "--output", folder.file("out"), "--segments", "4", "--dilations",
                "1"})
              .status == 0);
}

TEST_CASE("an input file that is absent or malformed is refused") {
    const auto right = patterns("4", "1");
    CHECK(run_complaint(right, "/absent/file") == "input = /absent/file: cannot be read: No such file or directory");
    const Folder folder;
    std::ofstream(folder.file("short")) << "1234567";
    CHECK(run_complaint(right, folder.file("short")) ==
          folder.file("short") + " = 7 bytes: must have at least 8 bytes");
    const std::string whole = read_text(golden_path("five-tokens").string());
    std::ofstream(folder.file("cut"), std::ios::binary) << whole.substr(0, whole.size() - 1);
    CHECK(run_complaint(right, folder.file("cut")).starts_with(folder.file("cut") + ": "));
}

TEST_CASE("a complaint stays one line whatever the value contains") {
    CHECK(run_complaint(patterns("4\n5", "1")) == "--segments = 4?5: must be a list of integers, such as 2048,4096");
}

TEST_CASE("--version says version, compiler, flags and CPU") {
    const Outcome outcome = call({"--version"});
    CHECK(outcome.status == 0);
    CHECK(outcome.error == "");
    CHECK(outcome.out.starts_with("dra "));
    for (const std::string field : {"\ncompiler: ", "\nflags: ", "\ncpu: "}) {
        const std::size_t at = outcome.out.find(field);
        REQUIRE(at != std::string::npos);
        CHECK(outcome.out.find('\n', at + 1) > at + field.size()); // something stands behind it
    }
    CHECK(std::ranges::count(outcome.out, '\n') == 4);
}

TEST_CASE("--help lists every flag of run") {
    const Outcome outcome = call({"run", "--help"});
    CHECK(outcome.status == 0);
    for (const char* flag :
         {"--input", "--output", "--segments", "--dilations", "--mode", "--phase", "--causal", "--scale", "--ranks",
          "--layout", "--backend", "--strategy", "--timeout", "--dtype", "--kernel", "--threads", "--check-finite"})
        CHECK(outcome.out.find(flag) != std::string::npos);
}

} // namespace dra::test
