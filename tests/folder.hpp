#pragma once
/// \file
/// A place for the files of a test.

#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace dra::test {

/// An empty folder that disappears with its contents.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "dra-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder: " + name);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string file(const std::string& name = "a_file") const { return (path_ / name).string(); }
    bool empty() const { return std::filesystem::is_empty(path_); }

private:
    std::filesystem::path path_;
};

} // namespace dra::test
