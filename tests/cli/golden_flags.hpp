#pragma once
/// \file
/// A golden case as a user would ask it.

#include "tests/cli/program.hpp"
#include "tests/golden.hpp"

#include <sstream>
#include <utility>

namespace dra::test {

inline std::string joined(const std::vector<Index>& list) {
    std::ostringstream text;
    for (const char* comma = ""; const Index item : list) text << std::exchange(comma, ",") << item;
    return text.str();
}

/// The flags that say what a golden case asks.
inline std::vector<std::string> flags_of(const Configuration& asked) {
    std::vector<std::string> flags = {"--segments",  joined(asked.segment_lengths),
                                      "--dilations", joined(asked.dilation_rates),
                                      "--mode",      name(asked.mode),
                                      "--phase",     name(*asked.phase)};
    if (asked.causal) flags.push_back("--causal");
    if (asked.softmax_scale) flags = flags + std::vector<std::string>{"--scale", std::to_string(*asked.softmax_scale)};
    return flags;
}

} // namespace dra::test
