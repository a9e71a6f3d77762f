#include "cli/interruption.hpp"

#include "reference/definition/output_file.hpp"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace dra::cli {
namespace {

struct Ending {
    int signal;
    std::string_view line;
};
constexpr Ending endings[] = {{SIGHUP, "dra: signal = SIGHUP: ended before the work was done\n"},
                              {SIGINT, "dra: signal = SIGINT: ended before the work was done\n"},
                              {SIGQUIT, "dra: signal = SIGQUIT: ended before the work was done\n"},
                              {SIGTERM, "dra: signal = SIGTERM: ended before the work was done\n"},
                              {SIGXCPU, "dra: signal = SIGXCPU: ended before the work was done\n"}};

/// Calls nothing but what is async-signal-safe.
extern "C" void end(int signal) {
    remove_unfinished_files();
    if (const pid_t child = companion; child > 0) ::kill(child, SIGTERM);
    for (const Ending& ending : endings)
        if (ending.signal == signal) (void)!::write(STDERR_FILENO, ending.line.data(), ending.line.size());
    std::signal(signal, SIG_DFL);
    std::raise(signal); // as soon as this returns
}

} // namespace

void survive_or_clean_up_on_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    struct sigaction action {
    }, before{};
    action.sa_handler = end;
    ::sigfillset(&action.sa_mask);
    for (const Ending& ending : endings)
        if (::sigaction(ending.signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
            ::sigaction(ending.signal, &action, nullptr);
}

} // namespace dra::cli
