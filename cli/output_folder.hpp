#pragma once
/// \file
/// A folder that results go to.

#include "reference/definition/error.hpp"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace dra::cli {

/// Makes the folder, and those it stands in, where they are missing; those that are still empty at the end are removed
/// again.
class OutputFolder {
public:
    /// Throws FormatError of the flag where there is no such folder, and none can be made.
    OutputFolder(const std::string& flag, const std::filesystem::path& path) {
        namespace fs = std::filesystem;
        std::error_code error;
        for (fs::path at = path.lexically_normal(); !at.empty() && !fs::exists(at, error); at = at.parent_path())
            if (at.has_filename()) missing_.push_back(at);
        fs::create_directories(path, error);
        if (!error && !fs::is_directory(path)) error = std::make_error_code(std::errc::not_a_directory);
        if (error) {
            remove_empty();
            throw FormatError(flag, path.string(), "must be a folder, or one to be made: " + error.message());
        }
    }
    ~OutputFolder() { remove_empty(); }
    OutputFolder(const OutputFolder&) = delete;
    OutputFolder& operator=(const OutputFolder&) = delete;

private:
    void remove_empty() const {
        std::error_code ignored; // that of folders with something in them
        for (const std::filesystem::path& folder : missing_) std::filesystem::remove(folder, ignored);
    }

    std::vector<std::filesystem::path> missing_; ///< the innermost first
};

} // namespace dra::cli
