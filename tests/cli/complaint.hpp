#pragma once
/// \file
/// What the program complains about; everything that all complaints have in common is checked here.

#include "tests/cli/program.hpp"
#include "tests/golden.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace dra::test {

/// What a call complains about: its one line on standard error. Everything else about failing is checked here.
inline std::string complaint(const std::vector<std::string>& arguments, const Shell& shell = {}) {
    const Outcome outcome = call(arguments, shell);
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(std::ranges::count(outcome.error, '\n') == 1);
    REQUIRE(outcome.error.starts_with("dra: "));
    REQUIRE(outcome.error.ends_with('\n'));
    return outcome.error.substr(5, outcome.error.size() - 6);
}

/// `dra run` on a golden case with these flags after the first ones; no output may be left behind.
inline std::string run_complaint(const std::vector<std::string>& more,
                                 const std::string& input = golden_path("gqa").string()) {
    const Folder folder;
    const std::vector<std::string> arguments = {"run", "--input", input, "--output", folder.file("out")};
    const std::string line = complaint(arguments + more);
    CHECK(folder.empty());
    return line;
}

/// The same on a file with these tensors.
inline std::string input_complaint(const TensorFile& file, const std::vector<std::string>& more = {}) {
    const Folder folder;
    write_safetensors(folder.file("in"), file);
    return run_complaint(std::vector<std::string>{"--segments", "4", "--dilations", "1"} + more, folder.file("in"));
}

} // namespace dra::test
