#include "tests/cli/complaint.hpp"

#include <filesystem>

namespace dra::test {

TEST_CASE("bench attention refuses a backend without a clock, and flags of a GPU without one") {
    const std::vector<std::string> bench = {"bench", "attention"};
    CHECK(complaint(bench + std::vector<std::string>{"--backend", "emulated"}) ==
          "--backend = emulated: must be cpu or cuda: the emulator counts work and has no clock");
    CHECK(complaint(bench + std::vector<std::string>{"--backend", "ring"}) == "--backend = ring: must be cpu or cuda");
    CHECK(complaint(bench + std::vector<std::string>{"--tune", "x"}) ==
          "--tune = x: must go with --backend cuda, not with cpu");
    CHECK(complaint(bench + std::vector<std::string>{"--dtype", "bf16"}) ==
          "--dtype = bf16: must go with --backend cuda, not with cpu");
    CHECK(complaint(bench + std::vector<std::string>{"--backend", "cuda", "--dtype", "fp32"}) ==
          "--dtype = fp32: must be bf16 or fp16, which tensor cores multiply");
}

TEST_CASE("bench attention on cuda without a GPU says so, and writes nothing") {
    if (std::filesystem::exists("/dev/nvidia0")) return;
    const Folder folder;
    const std::string line = complaint(
        {"bench", "attention", "--backend", "cuda", "--tune", folder.file("tune"), "--json", folder.file("json")});
    MESSAGE(line);
    const bool said =
        line.starts_with("device = (none): there must be an NVIDIA GPU with its driver; the CUDA runtime says: ") ||
        line.ends_with("which comes with DRA_CUDA");
    CHECK(said);
    CHECK(folder.empty());
}

} // namespace dra::test
