#include "cli/standard_streams.hpp"

#include "reference/definition/error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace dra::cli {
namespace {

int first_failure = 0; // as in errno

} // namespace

void hold_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(stream, F_GETFD) < 0) // open() takes the lowest free number: this one
            (void)::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY); // of no use, as a closed one is
}

void say(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) < text.size() || std::fflush(stdout) != 0)
        if (first_failure == 0) first_failure = errno;
}

void check_standard_output() {
    if (first_failure != 0)
        throw FormatError("standard output", "(incomplete)",
                          "cannot be written: " + std::generic_category().message(first_failure));
}

void remark(std::string_view text) { (void)std::fwrite(text.data(), 1, text.size(), stderr); }

} // namespace dra::cli
