#pragma once
/// \file
/// `dra run --backend distributed`: ranks that are threads, and what is said of each.

#include "distributed/backends/attention_by_threads.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dra::cli {

/// The flags that only ranks of their own take, as they were typed.
struct DistributedFlags {
    std::optional<std::string> strategy; ///< by default segment-gather
    std::optional<std::string> timeout;  ///< seconds, by default 30
};

/// What the flags mean.
struct DistributedRun {
    Strategy strategy = Strategy::segment_gather;
    distributed::Clock::duration timeout = std::chrono::seconds(30);
};

/// Throws PatternError for an unknown strategy, and for a timeout that is no number of seconds from 0.001 to 86400.
DistributedRun parse_distributed_run(const DistributedFlags& flags);

/// Throws PatternError where a problem has more ranks than there should be threads.
void check_threads(const Problem& problem);

/// A line per rank and pass: bytes received, the least possible, and sent; messages received; memory; share of FLOPs.
std::string figures_text(const Problem& problem, Strategy strategy, Index element_bytes,
                         const std::vector<distributed::RankFigures>& figures, bool gradient);

} // namespace dra::cli
