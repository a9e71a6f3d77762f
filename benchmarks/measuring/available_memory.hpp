#pragma once
/// \file
/// What a program may still ask for.

#include <fstream>
#include <optional>
#include <string>

namespace dra::benchmarks {

/// Bytes that the kernel calls available without swapping; nothing where it does not say.
inline std::optional<double> available_bytes() {
    std::ifstream file("/proc/meminfo");
    for (std::string word; file >> word;)
        if (double kibibytes = 0; word == "MemAvailable:" && file >> kibibytes) return 1024 * kibibytes;
    return std::nullopt;
}

} // namespace dra::benchmarks
