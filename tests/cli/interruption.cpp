#include "tests/cli/program.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

namespace dra::test {
namespace {

namespace fs = std::filesystem;

/// Starts `dra probe --emit`, which holds many files open at once, with these signals as a shell in front of a terminal
/// leaves them.
pid_t start(const std::string& folder, const std::string& error, const std::vector<int>& signals) {
    std::vector<std::string> arguments = {DRA_PROGRAM, "probe", "--emit", folder};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    sigset_t usual;
    ::sigemptyset(&usual);
    for (const int signal : signals) ::sigaddset(&usual, signal);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setsigdefault(&attributes, &usual);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_t streams;
    ::posix_spawn_file_actions_init(&streams);
    ::posix_spawn_file_actions_addopen(&streams, STDERR_FILENO, error.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = 0;
    REQUIRE(::posix_spawn(&child, DRA_PROGRAM, &streams, &attributes, argv.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&streams);
    ::posix_spawnattr_destroy(&attributes);
    return child;
}

std::ptrdiff_t temporaries_in(const std::string& folder) {
    std::error_code not_there_yet;
    return std::ranges::count_if(fs::directory_iterator(folder, not_there_yet), [](const fs::directory_entry& entry) {
        return entry.path().filename().string().starts_with(".dra-");
    });
}

/// How a program ended that got a signal as soon as it had begun to write.
int interrupted(int signal, const std::string& probes, const std::string& error) {
    const pid_t child = start(probes, error, {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU});
    int status = 0;
    while (temporaries_in(probes) == 0)
        if (::waitpid(child, &status, WNOHANG) != 0) return status; // it was done before it was seen
    ::kill(child, signal);
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

} // namespace

TEST_CASE(
    "a signal in the middle of writing ends the program by that signal, in a line, and leaves none half-written") {
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = 0;
    ::setrlimit(RLIMIT_CORE, &core); // of SIGQUIT
    const std::vector<std::pair<int, std::string>> signals = {
        {SIGHUP, "SIGHUP"}, {SIGINT, "SIGINT"}, {SIGQUIT, "SIGQUIT"}, {SIGTERM, "SIGTERM"}, {SIGXCPU, "SIGXCPU"}};
    int hits = 0;
    for (const auto& [signal, word] : signals) {
        const std::string name = word; // clang 14 captures no binding
        CAPTURE(name);
        for (int attempts = 0; attempts < 100; ++attempts) {
            const Folder folder;
            const std::string probes = folder.file("probes"), error = folder.file("error");
            const int status = interrupted(signal, probes, error);
            CHECK(temporaries_in(probes) == 0);
            if (!WIFSIGNALED(status)) continue;
            CHECK(WTERMSIG(status) == signal);
            CHECK(read_text(error) == "dra: signal = " + name + ": ended before the work was done\n");
            ++hits;
            break;
        }
    }
    CHECK(hits == 5);
}

} // namespace dra::test
