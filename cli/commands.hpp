#pragma once
/// \file
/// The subcommands of `dra`, one file each. A subcommand registers its flags and hands back what to run once they are
/// read.

#include "cli/flag_list.hpp"

#include <functional>

namespace dra::cli {

/// Exit statuses of the program.
inline constexpr int success = 0;
inline constexpr int out_of_tolerance = 1; ///< a result missed its bound, or something unforeseen went wrong
inline constexpr int wrong_input = 2;      ///< one line on standard error names field, value and rule

/// A registered subcommand: where its flags live, and what to do when it was the one chosen; `run` returns the exit
/// status.
struct Command {
    FlagList flags;
    std::function<int()> run;
};

/// `dra run`: attention of the tensors of one file, written to another.
Command run_command(const FlagList& program);

/// `dra diagnose`: a result of any program, judged, and whose defect it shows.
Command diagnose_command(const FlagList& program);

/// `dra probe`: the problems that tell all defects apart, and what a program's answers to them say.
Command probe_command(const FlagList& program);

/// `dra oracle`: a file with random inputs of a configuration, and what they must give.
Command oracle_command(const FlagList& program);

#ifdef DRA_HAVE_BENCHMARKS
/// `dra compare`: every fix before, after and principled, verified and then timed.
Command compare_command(const FlagList& program);

/// `dra bench`: speed of single parts.
Command bench_command(const FlagList& program);
#endif

} // namespace dra::cli
