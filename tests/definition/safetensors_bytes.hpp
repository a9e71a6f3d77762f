#pragma once
/// \file
/// safetensors files written byte by byte, in a folder of their own.

#include "reference/definition/safetensors.hpp"

#include <unistd.h>

#include <cstring>
#include <fstream>

namespace dra::test {

namespace fs = std::filesystem;

/// An empty folder that disappears with its contents.
struct Folder {
    fs::path path = fs::temp_directory_path() / ("dra-safetensors-" + std::to_string(::getpid()));
    Folder() {
        fs::remove_all(path);
        fs::create_directory(path);
    }
    ~Folder() { fs::remove_all(path); }
    fs::path file(const std::string& name = "x.safetensors") const { return path / name; }
};

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
