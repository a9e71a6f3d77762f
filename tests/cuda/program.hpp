#pragma once
/// \file
/// What the programs share that are sent to a machine with a GPU: an error is one line and status 2, and what was found is a
/// JSON file.

#include "reference/definition/output_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <exception>
#include <string>

namespace dra::cuda {

/// Writes what was found to `path`, the value of --json; nothing where it is empty.
inline void write_record(const std::string& path, const nlohmann::ordered_json& record) {
    if (path.empty()) return;
    OutputFile file(path, "--json");
    file.write(record.dump(1) + '\n');
    put_in_place(std::move(file));
}

/// The exit status of a program: that of check(argc, argv), or 2 after an error.
template <class Check> int status_of(const char* program, Check check, int argc, char** argv) {
    try {
        return check(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", program, error.what());
        return 2;
    }
}

} // namespace dra::cuda
