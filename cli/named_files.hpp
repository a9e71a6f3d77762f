#pragma once
/// \file
/// Files as flags name them.

#include "reference/definition/safetensors.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dra::cli {

/// What a flag names, where it is given.
struct NamedFile {
    std::string flag;
    std::optional<std::filesystem::path> path;
};

/// Asked before anything is computed: throws FormatError where a file cannot be written, or is one that another of these
/// flags names too, by whatever path.
inline void check_files(const std::vector<NamedFile>& written, const std::vector<NamedFile>& read = {}) {
    std::vector<NamedFile> others;
    for (const NamedFile& file : read)
        if (file.path) others.push_back({file.flag, std::filesystem::weakly_canonical(*file.path)});
    for (const auto& [flag, path] : written) {
        if (!path) continue;
        check_writable(*path);
        const std::filesystem::path canonical = std::filesystem::weakly_canonical(*path);
        for (const NamedFile& other : others)
            if (canonical == other.path)
                throw FormatError(flag, path->string(), "must be another file than that of " + other.flag);
        others.push_back({flag, canonical});
    }
}

} // namespace dra::cli
