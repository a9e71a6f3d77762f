#pragma once
/// \file
/// Figures as JSON, with what they were measured by.

#include "cli/machine.hpp"
#include "reference/definition/output_file.hpp"

#include <nlohmann/json.hpp>
#include <omp.h>

#include <cstdlib>
#include <optional>

namespace dra::cli {

/// What stands in every JSON: the program, how it was compiled, the CPU and the threads.
inline nlohmann::ordered_json environment() {
    return {{"program", "dra " + std::string(version)},
            {"compiler", compiler},
            {"flags", compile_flags},
            {"build_type", build_type},
            {"cpu", cpu_name()},
            {"threads", omp_get_max_threads()}};
}

/// How many processes were ready to run over the last minute, on average: times are to be read by it.
inline double load_average() {
    double minute = 0;
    return ::getloadavg(&minute, 1) == 1 ? minute : 0;
}

/// JSON as it is written to files.
inline std::string json_text(const nlohmann::ordered_json& json) { return json.dump(1) + '\n'; }

/// Writes what was measured where `--json` names a file.
inline void write_json(const std::optional<std::string>& path, const nlohmann::ordered_json& record) {
    if (!path) return;
    OutputFile file(*path, "--json");
    file.write(json_text(record));
    put_in_place(std::move(file));
}

} // namespace dra::cli
