#pragma once
/// \file
/// The flags that say which attention is meant, the same for every command that takes them.

#include "reference/definition/problem.hpp"

#include <CLI/CLI.hpp>

namespace dra::cli {

/// As they were typed.
struct ProblemFlags {
    std::string segments, dilations;
    std::string mode = "groups", ranks = "1", layout = "contiguous";
    std::optional<std::string> phase, scale, dropout, seed;
    bool causal = false, stop_gradient_mixing = false;

    /// Registers them; they must outlive `command`. `of_ranks` says what --ranks means there.
    void add_to(CLI::App& command, const std::string& of_ranks);

    /// What they mean, not validated yet. Throws PatternError naming the flag, the value and the rule.
    Configuration configuration() const;
};

} // namespace dra::cli
