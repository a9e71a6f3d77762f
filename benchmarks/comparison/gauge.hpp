#pragma once
/// \file
/// What two rungs are compared by: time where there is a clock, and what was counted where there is none.

#include "benchmarks/comparison/judgement.hpp"

namespace dra::benchmarks {

/// One thing that rungs are compared by, and the ratio of two of them.
struct Gauge {
    std::string name; ///< "Time", "Host time", "Launches"
    std::string short_name;
    std::function<std::optional<Spread>(const Measurement* before, const Measurement* rung)> ratio;
};

/// The gauges of a comparison, the one that claims are judged by first: on this CPU time; on a GPU the device's time,
/// and then the host's; on the emulator FLOPs, sectors of memory, and launches.
std::vector<Gauge> gauges(const Comparison& comparison);

/// "2.74x (2.61-2.80)", or "2.00x" of what was counted, or "-".
std::string gain_text(const std::optional<Spread>& ratio);

/// The largest length at which a topic was measured in all rungs: on a GPU fix 1 before ends early.
const AtLength& largest_length(const Comparison& comparison, published::Topic topic);

} // namespace dra::benchmarks
