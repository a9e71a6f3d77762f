#pragma once
/// \file
/// What a figure was measured with: the program as it was built, and the CPU that runs it.

#include "cli/version.hpp"

#include <sys/utsname.h>

#include <fstream>
#include <string>

namespace dra::cli {

/// The CPU as the kernel names it, or its architecture where the kernel gives no name.
inline std::string cpu_name() {
    std::ifstream cpus("/proc/cpuinfo");
    for (std::string line; std::getline(cpus, line);)
        if (const auto colon = line.find(": "); line.starts_with("model name") && colon != std::string::npos)
            return line.substr(colon + 2);
    utsname machine{};
    return ::uname(&machine) == 0 ? machine.machine : "unknown";
}

/// What `dra --version` prints.
inline std::string version_text() {
    return "dra " + std::string(version) + "\ncompiler: " + std::string(compiler) +
           "\nflags: " + std::string(compile_flags) + " (" + std::string(build_type) + ")\ncpu: " + cpu_name();
}

} // namespace dra::cli
