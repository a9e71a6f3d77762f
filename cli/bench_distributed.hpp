#pragma once
/// \file
/// `dra bench distributed`: strategies of many ranks side by side, how they scale, and what slow links make of them.

#include "reference/definition/positions.hpp"

#include <optional>
#include <string>

namespace dra::cli {

/// The flags of `dra bench distributed`, as they were typed.
struct DistributedBenchFlags {
    std::optional<std::string> tokens, ranks, repetitions;
    bool million = false;
};

/// Verifies and times; everything measured goes to `json` where it names a file. Returns the exit status. Throws
/// PatternError for values that are not of their flags' kinds, FormatError for a file that cannot be written: all before
/// anything is run.
int bench_distributed(const DistributedBenchFlags& flags, const std::optional<std::string>& json);

/// A million tokens by ranks that are threads, against the engine alone (`--million`). Returns the exit status.
int bench_million_tokens(Index tokens, Index ranks, int repetitions, const std::optional<std::string>& json);

} // namespace dra::cli
