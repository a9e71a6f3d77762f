#pragma once
/// \file
/// Files as flags name them.

#include "reference/definition/output_file.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace dra::cli {

/// A flag that names a file, and the file, where it is given.
struct NamedFile {
    std::string flag;
    std::optional<std::filesystem::path> path;
};

/// Whether both paths lead to one file, there or not, by whatever link; no where there is no saying.
inline bool one_file(const std::filesystem::path& x, const std::filesystem::path& y) {
    std::error_code of_x, of_y, unknown;
    if (std::filesystem::equivalent(x, y, unknown)) return true;
    const auto one = std::filesystem::weakly_canonical(followed(x), of_x),
               other = std::filesystem::weakly_canonical(followed(y), of_y);
    return !of_x && !of_y && one == other;
}

/// Called before anything is computed: throws FormatError where a file cannot be written, or is one that another of
/// these flags names too, or that the shell writes what is printed to.
inline void check_files(const std::vector<NamedFile>& written, const std::vector<NamedFile>& read = {}) {
    std::vector<NamedFile> others = {{"standard output", "/dev/stdout"}, {"standard error", "/dev/stderr"}};
    for (const NamedFile& file : read)
        if (file.path) others.push_back(file);
    for (const NamedFile& file : written) {
        if (!file.path) continue;
        check_writable(*file.path, file.flag);
        for (const NamedFile& other : others)
            if (one_file(*file.path, *other.path))
                throw FormatError(file.flag, file.path->string(), "must be another file than that of " + other.flag);
        others.push_back(file);
    }
}

} // namespace dra::cli
