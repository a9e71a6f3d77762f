#include "tests/cli/complaint.hpp"

#include <filesystem>

namespace dra::test {
namespace {

using Arguments = std::vector<std::string>;

std::string with(const Arguments& more) {
    return run_complaint(Arguments{"--segments", "4", "--dilations", "1"} + more);
}

} // namespace

TEST_CASE("flags of devices are refused with a backend that has none") {
    for (const std::string backend : {"oracle", "cpu", "ring"}) {
        const std::string rule = ": must go with --backend cuda or emulated, not with " + backend;
        CHECK(with({"--backend", backend, "--dtype", "bf16"}) == "--dtype = bf16" + rule);
        CHECK(with({"--backend", backend, "--kernel", "naive"}) == "--kernel = naive" + rule);
    }
}

TEST_CASE("an unknown type is refused before a device is looked for") {
    for (const std::string backend : {"cuda", "emulated"})
        CHECK(with({"--backend", backend, "--dtype", "fp8"}) == "--dtype = fp8: must be one of fp32, bf16, fp16");
}

TEST_CASE("without a GPU, or built without CUDA, the backend cuda says so") {
    if (std::filesystem::exists("/dev/nvidia0")) return;
    const std::string line = with({"--backend", "cuda"});
    MESSAGE(line);
    const bool said =
        line.starts_with("device = (none): there must be an NVIDIA GPU with its driver; the CUDA runtime says: ") ||
        line.ends_with("which comes with DRA_CUDA");
    CHECK(said);
}

} // namespace dra::test
