#pragma once
/// \file
/// How close attend comes to what a core can do: against a matrix product and against the peak of its multiply-adds,
/// all three timed interleaved, on one thread, in float.
///
///     FLOPs of attend = 4 D pairs that are visible;   of the product = 2 * 1024^3;   of the peak: 2 per lane and FMA
///
/// Rows belong to one of H = 4 heads that lie interleaved in memory; a run attends all four. With r = 8 the same number
/// of rows is selected from eight times the tokens: dilation should cost nothing but locality. Outputs are reused and
/// workspaces are warm.

#include "benchmarks/measuring/timing.hpp"
#include "reference/definition/positions.hpp"

namespace dra::benchmarks {

/// What a head asks for.
struct SpeedCase {
    Index rows = 0;     ///< selected rows
    Index head_dim = 0; ///< D
    bool causal = false;
};

/// The usual eight: 2048 and 4096 rows, D = 64 and 128, causal and not.
std::vector<SpeedCase> usual_speed_cases();

/// What a run does, in FLOPs, and how long runs take.
struct Speed {
    double flops = 0;
    Samples samples; ///< seconds per run

    double gflops() const; ///< GFLOP/s at the median
};

/// attend at one case, beside what bounds it.
struct AttentionSpeed {
    SpeedCase shape;          ///< the case
    Speed peak{}, product{};  ///< the core's multiply-adds, and Eigen's product
    Speed dense{}, dilated{}; ///< attend with r = 1 and r = 8
    double error_ratio = 0;   ///< that of the worse of the two, rows sampled, against the definition in float64
    bool right = false;       ///< the error ratio is within the bound
};

/// Verifies attend at the case, and times it if it is right.
AttentionSpeed attention_speed(const SpeedCase& shape, const Progress& progress);

} // namespace dra::benchmarks
