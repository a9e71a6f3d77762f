#pragma once
/// \file
/// The flags that say which attention is meant, the same for every command that takes them.

#include "cli/flag_list.hpp"
#include "reference/definition/problem.hpp"

namespace dra::cli {

/// The flags of a configuration, as they were typed.
struct ProblemFlags {
    std::string segments, dilations;
    std::string mode = "groups", ranks = "1", layout = "contiguous";
    std::optional<std::string> phase, scale, dropout, seed;
    bool causal = false, stop_gradient_mixing = false;

    /// Registers the flags. `of_ranks` says what --ranks means there.
    void add_to(const FlagList& command, const std::string& of_ranks);

    /// The configuration that they mean, not validated yet. Throws PatternError naming the flag, the value and the
    /// rule.
    Configuration configuration() const;
};

} // namespace dra::cli
