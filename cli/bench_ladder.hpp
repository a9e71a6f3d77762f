#pragma once
/// \file
/// `dra bench attention` on a GPU: every kernel of the ladder at the usual shapes.

#include <optional>
#include <string>

namespace dra::cli {

/// The flags of `dra bench attention` that only GPUs take, and where the figures go.
struct LadderFlags {
    std::string backend = "cpu";
    std::optional<std::string> dtype, tune, json;
};

/// Verifies and times the ladder, and writes the table of the fastest kernels where `tune` names a file. Returns the
/// exit status. Throws PatternError for a backend without a clock and for a type that tensor cores do not multiply,
/// DeviceError where there is no GPU, FormatError for a file that cannot be written: all before anything is run.
int bench_ladder(const LadderFlags& flags);

} // namespace dra::cli
