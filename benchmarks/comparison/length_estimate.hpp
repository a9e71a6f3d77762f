#pragma once
/// \file
/// Which lengths fit into what is left of memory and time, estimated from a shorter one.

#include "benchmarks/comparison/comparison.hpp"
#include "benchmarks/measuring/available_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace dra::benchmarks {

/// What is known of the longest length so far, by which the next ones are estimated.
struct LengthEstimate {
    Index tokens;
    double verification_seconds, repetition_seconds, peak_bytes;

    double growth(Index n) const { return std::pow(static_cast<double>(n) / static_cast<double>(tokens), 2); }
    double least_seconds(Index n) const {
        return growth(n) * (verification_seconds + fewest_repetitions * repetition_seconds);
    }

    /// Why a length is left out; empty where it fits.
    std::string obstacle(Index n, double seconds_left) const {
        const double bytes = growth(n) * peak_bytes, seconds = least_seconds(n);
        if (const auto available = available_bytes(); available && bytes > 0.75 * *available)
            return fmt::format(
                "would take about {:.1f} GiB of memory; three quarters of what is available are {:.1f} GiB",
                bytes / 0x1p30, 0.75 * *available / 0x1p30);
        if (seconds > seconds_left)
            return fmt::format("would take about {:.0f} s with {} repetitions; {:.0f} s are left", seconds,
                               fewest_repetitions, std::max(seconds_left, 0.0));
        return {};
    }
};

} // namespace dra::benchmarks
