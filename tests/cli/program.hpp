#pragma once
/// \file
/// The built program, called as a user calls it: a command line in, an exit status and two streams out.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace dra::test {

/// An empty folder that disappears with its contents.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "dra-cli-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder: " + name);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string file(const std::string& name) const { return (path_ / name).string(); }
    bool empty() const { return std::filesystem::is_empty(path_); }

private:
    std::filesystem::path path_;
};

inline std::string read_text(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// What a call did.
struct Outcome {
    int status; ///< exit status, or -1 when it was killed
    std::string out, error;
};

/// Calls `dra` with these arguments, each passed on exactly as it stands.
inline Outcome call(const std::vector<std::string>& arguments) {
    const Folder streams;
    std::string command = "'" DRA_PROGRAM "'";
    for (const std::string& argument : arguments) {
        std::string quoted;
        for (const char c : argument) quoted += c == '\'' ? "'\\''" : std::string(1, c);
        command += " '" + quoted + "'";
    }
    command += " </dev/null >'" + streams.file("out") + "' 2>'" + streams.file("error") + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(streams.file("out")),
            read_text(streams.file("error"))};
}

/// `arguments` followed by `more`.
inline std::vector<std::string> operator+(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

} // namespace dra::test
