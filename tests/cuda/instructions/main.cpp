// Every instruction that the kernels use, on this machine's GPU, against plain C++.

#include "tests/cuda/instructions/check.hpp"
#include "tests/cuda/program.hpp"

#include <CLI/CLI.hpp>

#include <stdexcept>

namespace dra::cuda {
namespace {

int check(int argc, char** argv) {
    CLI::App program("One tiny kernel an instruction, against plain C++");
    std::string json;
    program.add_option("--json", json, "what was found");
    CLI11_PARSE(program, argc, argv);
    if (!json.empty()) check_writable(json, "--json");

    bool passed = true;
    nlohmann::ordered_json record;
    for (const auto checks : {silicon::check_warp_instructions, silicon::check_barriers, silicon::check_tensor_copies,
                              silicon::check_warpgroup_instructions})
        for (const InstructionCheck& of : checks()) {
            fmt::print("{:6} {:60} error {:.3g}, bound {:.3g}\n", of.passed() ? "right" : "WRONG", of.name,
                       of.largest_error, of.bound);
            record["checks"].push_back(
                {{"name", of.name}, {"right", of.passed()}, {"error", of.largest_error}, {"bound", of.bound}});
            passed = passed && of.passed();
        }
    if (record.empty()) throw std::runtime_error("no instruction was checked: nothing is known");
    record["passed"] = passed;
    write_record(json, record);
    return passed ? 0 : 1;
}

} // namespace
} // namespace dra::cuda

int main(int argc, char** argv) { return dra::cuda::status_of("instructions", dra::cuda::check, argc, argv); }
