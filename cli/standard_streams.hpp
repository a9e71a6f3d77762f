#pragma once
/// \file
/// Standard output, which is a result like a file: what could not be written is said at the end. And standard error,
/// where there is nobody left to tell.

#include <fmt/format.h>

#include <string_view>

namespace dra::cli {

/// First of all: a standard stream that is closed stays taken, or the next file to be opened would get its number, and
/// with it what is printed.
void hold_standard_streams();

/// Writes to standard output, at once.
void say(std::string_view text);
template <class... Args> void say(fmt::format_string<Args...> format, Args&&... args) {
    say(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

/// Throws FormatError with the first reason for which standard output did not take what was printed.
void check_standard_output();

/// Writes to standard error.
void remark(std::string_view text);
template <class... Args> void remark(fmt::format_string<Args...> format, Args&&... args) {
    remark(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

} // namespace dra::cli
