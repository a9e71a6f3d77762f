#include "cli/report.hpp"

#include "cli/interruption.hpp"
#include "cli/standard_streams.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

namespace dra::cli {
namespace {

constexpr int not_started = 127;

/// Runs a program and waits; its exit status, or not_started.
int run_program(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    if (::posix_spawnp(&child, program.c_str(), nullptr, nullptr, argv.data(), environ) != 0) return not_started;
    companion = child;
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    companion = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

bool make_report(const std::filesystem::path& json) {
    const std::string page = (json.parent_path() / "index.html").string();
    std::error_code error;
    if (!std::filesystem::exists(DRA_REPORT_SCRIPT, error)) {
        remark("report: index.html was not made, for there is no " DRA_REPORT_SCRIPT " here; {} has all figures\n",
               json.string());
        return true;
    }
    const std::vector<std::string> arguments = {DRA_REPORT_SCRIPT, json.string(), json.parent_path().string()};
    const char* chosen = std::getenv("DRA_PYTHON_EXECUTABLE");
    int status = chosen && *chosen ? run_program(chosen, arguments) : not_started;
    if (status == not_started) status = run_program("python3", arguments);
    if (status == 0)
        remark("report: {}\n", page);
    else
        remark("dra: report = {}: was not made, for python3 {}; {} has all figures\n", page,
               status == not_started ? "is missing" : fmt::format("ended with status {}", status), json.string());
    return status == 0;
}

} // namespace dra::cli
