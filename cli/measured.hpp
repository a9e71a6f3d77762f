#pragma once
/// \file
/// Figures written to JSON, with what they were measured by.

#include "cli/machine.hpp"
#include "reference/definition/error.hpp"

#include <nlohmann/json.hpp>
#include <omp.h>

#include <filesystem>
#include <fstream>

namespace dra::cli {

/// What stands in every JSON.
inline nlohmann::ordered_json environment() {
    return {{"program", "dra " + std::string(version)},
            {"compiler", compiler},
            {"flags", compile_flags},
            {"build_type", build_type},
            {"cpu", cpu_name()},
            {"threads", omp_get_max_threads()}};
}

/// Throws FormatError when it cannot be written.
inline void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
    std::ofstream file(path);
    file << json.dump(1) << '\n';
    file.close();
    if (!file) throw FormatError(path.string(), "(unwritable)", "must be a file that can be written");
}

} // namespace dra::cli
