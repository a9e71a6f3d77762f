// Every instruction that the kernels use, on this machine's GPU, against plain C++.

#include "reference/definition/output_file.hpp"
#include "tests/cuda/instructions/check.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

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
    if (!json.empty()) {
        OutputFile file(json, "--json");
        file.write(record.dump(1) + '\n');
        put_in_place(std::move(file));
    }
    return passed ? 0 : 1;
}

} // namespace
} // namespace dra::cuda

int main(int argc, char** argv) {
    try {
        return dra::cuda::check(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "instructions: {}\n", error.what());
        return 2;
    }
}
