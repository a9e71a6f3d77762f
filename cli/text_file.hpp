#pragma once
/// \file
/// Small text files.

#include "reference/definition/error.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace dra::cli {

/// Throws FormatError where the file cannot be written.
inline void write_text(const std::filesystem::path& path, const std::string& text) {
    std::ofstream stream(path, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    if (stream.fail()) throw FormatError("output", path.string(), "must be a file that can be written to");
}

} // namespace dra::cli
