#pragma once
/// \file
/// The built program, called as a user calls it: a command line in, an exit status and two streams out.

#include "tests/folder.hpp"

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace dra::test {

inline std::string read_text(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// What a call did.
struct Outcome {
    int status; ///< exit status, or -1 when it was killed
    std::string out, error;
};

/// What a shell does around a call: commands before it, and redirections, which win over those to the outcome.
struct Shell {
    std::string before, redirections;
};

/// Calls `dra` with these arguments, each passed on exactly as it stands.
inline Outcome call(const std::vector<std::string>& arguments, const Shell& shell = {}) {
    const Folder streams;
    std::string command = shell.before + " '" DRA_PROGRAM "'";
    for (const std::string& argument : arguments) {
        std::string quoted;
        for (const char c : argument) quoted += c == '\'' ? "'\\''" : std::string(1, c);
        command += " '" + quoted + "'";
    }
    command += " </dev/null >'" + streams.file("out") + "' 2>'" + streams.file("error") + "' " + shell.redirections;
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
