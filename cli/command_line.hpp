#pragma once
/// \file
/// The line that the user typed: which command it chooses, and what is wrong with it.

#include "cli/commands.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace dra::cli {

/// The program with all its commands, and what a line chose among them.
class CommandLine {
public:
    CommandLine();
    ~CommandLine();

    /// Reads a line. Throws InputError that names the flag, the value and the rule. An exit status where all is said,
    /// as after --help; nothing where run() is to be called.
    std::optional<int> parse(int argc, const char* const* argv);

    /// Runs the command that the line chose; its exit status. Throws InputError where it chose none.
    int run() const;

private:
    std::unique_ptr<CLI::App> parser_;
    std::vector<Command> commands_;
};

} // namespace dra::cli
