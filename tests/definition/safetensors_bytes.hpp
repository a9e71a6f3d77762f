#pragma once
/// \file
/// safetensors files written byte by byte.

#include "reference/definition/safetensors.hpp"
#include "tests/folder.hpp"

#include <cstring>
#include <fstream>

namespace dra::test {

namespace fs = std::filesystem;

inline void write_bytes(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A file with this header, its true length before it, and these bytes after it.
inline std::string with_header(const std::string& header, const std::string& data = {}) {
    const std::uint64_t length = header.size();
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    return bytes + header + data;
}

inline std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

} // namespace dra::test
