#include "cli/command_line.hpp"

#include "cli/machine.hpp"
#include "cli/standard_streams.hpp"
#include "reference/definition/error.hpp"

#include <CLI/CLI.hpp>

#include <sstream>

namespace dra::cli {
namespace {

std::string names_of(const std::vector<Command>& commands) {
    std::string names;
    for (const Command& command : commands) names += (names.empty() ? "" : ", ") + command.flags.name();
    return names;
}

/// What is wrong with the command line, said the way that wrong values are.
InputError usage_error(const CLI::App& parser, const std::vector<Command>& commands, const CLI::ParseError& error) {
    const std::string& kind = error.get_name();
    const std::string what = error.what();
    const std::vector<std::string> unknown = parser.remaining(true);
    const std::string flag = what.substr(0, what.find_first_of(": ")); // CLI11 begins most with the flag
    if (!unknown.empty() && unknown.front().starts_with('-'))
        return {"flag", unknown.front(), "must be one that --help lists"};
    if (!unknown.empty() && parser.get_subcommands().empty())
        return {"command", unknown.front(), "must be one of " + names_of(commands)};
    if (!unknown.empty()) return {"argument", unknown.front(), "must follow a flag that takes it"};
    if (kind == "RequiredError") return {flag, "(missing)", "must be given"};
    if (kind == "ArgumentMismatch")
        return {flag, what.ends_with("missing") ? "(missing)" : "(repeated)", "must be given one value"};
    const std::size_t colon = what.find(": "), equals = what.find(" = ");
    if (kind == "ConversionError" && colon < equals &&
        equals != std::string::npos) // "Could not convert: --flag = value"
        return {what.substr(colon + 2, equals - colon - 2), what.substr(equals + 3), "cannot be read as what it takes"};
    return {"arguments", "(unreadable)", what};
}

std::vector<Command> commands_of(const FlagList& program) {
    return {
        run_command(program),     diagnose_command(program), probe_command(program), oracle_command(program),
#ifdef DRA_HAVE_BENCHMARKS
        compare_command(program), bench_command(program),
#endif
    };
}

} // namespace

CommandLine::CommandLine()
    : parser_(std::make_unique<CLI::App>("Dilated ring attention: the reference, its oracle, and how it came to be.",
                                         "dra")),
      commands_(commands_of(FlagList(*parser_))) {
    parser_->set_version_flag("--version", version_text(), "Version, compiler, flags and CPU");
}

CommandLine::~CommandLine() = default;

std::optional<int> CommandLine::parse(int argc, const char* const* argv) {
    try {
        parser_->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0) throw usage_error(*parser_, commands_, error);
        std::ostringstream text; // of --help or --version
        parser_->exit(error, text, text);
        say(text.str());
        return success;
    }
    return std::nullopt;
}

int CommandLine::run() const {
    for (const Command& command : commands_)
        if (command.flags.chosen()) return command.run();
    throw InputError("command", "(missing)", "must be one of " + names_of(commands_));
}

} // namespace dra::cli
