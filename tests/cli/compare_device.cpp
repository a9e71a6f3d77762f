#include "tests/cli/complaint.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace dra::test {
namespace {

using Arguments = std::vector<std::string>;

std::string with(const Arguments& more) {
    const Folder report;
    return complaint(Arguments{"compare", "--report", report.file("report")} + more);
}

} // namespace

TEST_CASE("compare refuses backends and types that it does not have, by flag, value and rule") {
    CHECK(with({"--backend", "gpu"}) == "--backend = gpu: must be one of cpu, cuda, emulated");
    CHECK(with({"--dtype", "bf16"}) == "--dtype = bf16: must go with --backend cuda or emulated, not with cpu");
    for (const std::string backend : {"cuda", "emulated"}) {
        CHECK(with({"--backend", backend, "--dtype", "fp8"}) == "--dtype = fp8: must be one of fp32, bf16, fp16");
        CHECK(with({"--backend", backend, "--dtype", "fp32"}) ==
              "--dtype = fp32: must be bf16 or fp16, which tensor cores multiply");
    }
}

TEST_CASE("compare refuses repetitions that are none, by flag, value and rule") {
    for (const std::string wrong : {"-1", "26"})
        CHECK(with({"--repetitions", wrong}) == "--repetitions = " + wrong + ": must be from 0 to 25");
}

TEST_CASE("compare without repetitions verifies and counts, and times nothing") {
    const Folder folder;
    const Outcome outcome = call({"compare", "--lengths", "16,32", "--head-dim", "8", "--repetitions", "0", "--json",
                                  folder.file("json"), "--report", folder.file("report")});
    REQUIRE(outcome.status == 0);
    CHECK(outcome.out.find("nothing is timed here") != std::string::npos);
    CHECK(outcome.out.find("not judged: nothing was timed") != std::string::npos);
    const auto json = nlohmann::json::parse(read_text(folder.file("json")));
    CHECK(json["timed"] == false);
    const auto& before = json["lengths"][1]["isolated"]["1"]["before"];
    CHECK(before["call"]["counts"]["mask_elements"] > 0);
    CHECK(before["error_ratio"] >= 0);
}

TEST_CASE("compare refuses topics that there are not, by flag, value and rule") {
    for (const std::string wrong : {"0", "10"})
        CHECK(with({"--fix", wrong}) == "--fix = " + wrong + ": must be from 1 to 9");
}

TEST_CASE("compare of one opportunity counts what its rungs read, and says what none published") {
    const Folder folder;
    const auto compared = [&](const std::string& topic) {
        const Outcome outcome =
            call({"compare", "--fix", topic, "--lengths", "16,32", "--head-dim", "8", "--repetitions", "0", "--json",
                  folder.file("json"), "--report", folder.file("report")});
        REQUIRE(outcome.status == 0);
        return outcome.out;
    };
    CHECK(compared("8").find("none was published") != std::string::npos);
    CHECK(compared("9").find("Opportunity 9: KV cache") != std::string::npos);
    const auto json = nlohmann::json::parse(read_text(folder.file("json")));
    CHECK(json["fixes"].empty());
    CHECK(json["opportunities"][0]["number"] == 9);
    const auto& rungs = json["lengths"][1]["end_to_end"]["9"];
    CHECK(rungs["after"]["call"]["counts"]["rows_read"] > rungs["principled"]["call"]["counts"]["rows_read"]);
    CHECK(rungs["principled"]["call"]["counts"]["rows_read"] > 0);
}

TEST_CASE("compare on a GPU that is not there, or not built for, says so") {
    if (std::filesystem::exists("/dev/nvidia0")) return;
    const std::string line = with({"--backend", "cuda"});
    MESSAGE(line);
    const bool said =
        line.starts_with("device = (none): there must be an NVIDIA GPU") || line.ends_with("which comes with DRA_CUDA");
    CHECK(said);
}

#ifdef DRA_TEST_EMULATOR
TEST_CASE("compare on the emulator counts, and judges no claim of speed") {
    const Folder folder;
    const Outcome outcome = call({"compare", "--backend", "emulated", "--lengths", "16,32", "--head-dim", "8", "--fix",
                                  "1", "--json", folder.file("json"), "--report", folder.file("report")});
    REQUIRE(outcome.status == 0);
    CHECK(outcome.out.find("a launch an element") != std::string::npos);
    CHECK(outcome.out.find("not judged: the emulator has no clock") != std::string::npos);
    const auto json = nlohmann::json::parse(read_text(folder.file("json")));
    CHECK(json["device"]["emulated"] == true);
    CHECK(json["lengths"][1]["isolated"]["1"]["before"]["call"]["work"]["launches"] == 2 * 32 * 32);
}

TEST_CASE("what the rungs' kernel cannot do is refused before anything is computed") {
    CHECK(with({"--backend", "emulated", "--head-dim", "12"}) ==
          "D = 12: must be a multiple of 8, at most 128, for the rungs' kernel");
}
#endif

} // namespace dra::test
