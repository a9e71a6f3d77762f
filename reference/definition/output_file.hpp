#pragma once
/// \file
/// Files that are written whole, or not at all.
///
/// Bytes go to a temporary beside the file, `.dra-PID-N.partial`, which takes the file's place once all of them are on
/// the disk. Until then nothing that exists is touched; and whatever goes wrong, the temporary is removed with its
/// OutputFile. A file that is replaced keeps its mode, and its owner where that may be given; a new one gets what the
/// umask leaves. A link stays, and what it leads to is replaced, there or not; other hard links of a file keep what it
/// held. Devices and pipes are never replaced.

#include "reference/definition/error.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace dra {

class Temporary;

/// A file in the making. What cannot be done is a FormatError of the field, the path and the system's reason.
class OutputFile {
public:
    /// Makes the temporary, so that what forbids writing is found before there is something to write. Throws
    /// FormatError where `path` names no file, its folder is missing or takes no file, or what is there is not a
    /// regular file or must not be written.
    explicit OutputFile(const std::filesystem::path& path, std::string field = "output");
    ~OutputFile();
    OutputFile(OutputFile&&) noexcept;

    /// Appends bytes to the temporary. Throws FormatError where they cannot be written.
    void write(const void* bytes, std::size_t count);
    void write(std::string_view text) { write(text.data(), text.size()); }

    friend void put_in_place(std::span<OutputFile> files);

private:
    void require(bool done) const;

    std::filesystem::path path_, target_; ///< as it was given, and where its links lead
    std::string field_;
    std::unique_ptr<Temporary> temporary_;
};

/// Puts files in their places, the first one when all of them are on the disk. Throws FormatError; then those that are
/// not in their places stay as they were.
void put_in_place(std::span<OutputFile> files);
inline void put_in_place(OutputFile file) { put_in_place({&file, 1}); }

/// Throws FormatError where `path` cannot be written, which is tried: a temporary is made and removed.
void check_writable(const std::filesystem::path& path, const std::string& field = "output");

/// The path to which the links of a path lead, also where no file is there yet.
std::filesystem::path followed(std::filesystem::path path);

/// The words for a file that is not regular: "a pipe", "a directory".
std::string words_for(std::filesystem::file_type type);

/// Removes every temporary there is. Async-signal-safe, for the handler of a signal that ends the program; the library
/// itself installs none.
void remove_unfinished_files() noexcept;

} // namespace dra
