#pragma once
/// \file
/// Figures as JSON, with what they were measured by.

#include "cli/machine.hpp"

#include <nlohmann/json.hpp>
#include <omp.h>

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

/// JSON as it is written to files.
inline std::string json_text(const nlohmann::ordered_json& json) { return json.dump(1) + '\n'; }

} // namespace dra::cli
