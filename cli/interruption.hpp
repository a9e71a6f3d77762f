#pragma once
/// \file
/// Signals that end the program, and what they must not leave behind.

#include <sys/types.h>

#include <atomic>

namespace dra::cli {

/// Sees to signals from here on: SIGHUP, SIGINT, SIGQUIT, SIGTERM and SIGXCPU, where they are not ignored, remove what
/// is half-written and say one line before they end the program; its status is the signal's. SIGPIPE and SIGXFSZ end
/// nothing: a write that fails says why.
void survive_or_clean_up_on_signals();

/// The program that works for this one, to which these signals are passed on; 0 where there is none.
inline std::atomic<pid_t> companion = 0;

} // namespace dra::cli
