#include "cli/commands.hpp"
#include "cli/machine.hpp"
#include "reference/definition/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <vector>

namespace dra::cli {
namespace {

/// One line, whatever file names and values bring along.
int report(std::string line, int status) {
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    fmt::print(stderr, "dra: {}\n", line);
    return status;
}

std::string names_of(const std::vector<Command>& commands) {
    std::string names;
    for (const Command& command : commands) names += (names.empty() ? "" : ", ") + command.flags->get_name();
    return names;
}

/// What is wrong with the command line, said the way that wrong values are.
InputError usage_error(const CLI::App& program, const std::vector<Command>& commands, const CLI::ParseError& error) {
    const std::string& kind = error.get_name();
    const std::string what = error.what();
    const std::vector<std::string> unknown = program.remaining(true);
    const std::string flag = what.substr(0, what.find_first_of(": ")); // CLI11 begins most with the flag
    if (!unknown.empty() && unknown.front().starts_with('-'))
        return {"flag", unknown.front(), "must be one that --help lists"};
    if (!unknown.empty() && program.get_subcommands().empty())
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

int main(int argc, char** argv) {
    CLI::App program("Dilated ring attention: the reference, its oracle, and how it came to be.", "dra");
    program.set_version_flag("--version", version_text(), "Version, compiler, flags and CPU");
    const std::vector<Command> commands = {
        run_command(program),
#ifdef DRA_HAVE_BENCHMARKS
        compare_command(program),
        bench_command(program),
#endif
    };
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return program.exit(error); // --help and --version
        return report(usage_error(program, commands, error).what(), wrong_input);
    }
    for (const Command& command : commands)
        if (*command.flags) return command.run();
    throw InputError("command", "(missing)", "must be one of " + names_of(commands));
}

} // namespace
} // namespace dra::cli

int main(int argc, char** argv) {
    using namespace dra::cli;
    try {
        return dra::cli::main(argc, argv);
    } catch (const dra::InputError& error) {
        return report(error.what(), wrong_input);
    } catch (const std::bad_alloc&) {
        return report("memory = (exhausted): the problem must fit into it", out_of_tolerance);
    } catch (const std::exception& error) {
        return report(error.what(), out_of_tolerance);
    }
}
