#pragma once
/// \file
/// A million tokens against 65,536: with segments of fixed length the time per token stays the same, and so does
/// memory.
///
/// H = 4, D = 64, patterns (2048, 1) (8192, 4), causal, float, all cores. The longer input is the shorter one 16 times
/// over. Segments divide it, so that the longer result must be the shorter one 16 times over too, bit for bit; the
/// shorter one is verified against the same engine in double, which the tests hold against the oracle.

#include "benchmarks/measuring/allocations.hpp"
#include "benchmarks/measuring/timing.hpp"
#include "reference/definition/positions.hpp"

namespace dra::benchmarks {

inline constexpr Index shorter_tokens = 65'536, longer_tokens = 1'048'576;

/// What the two lengths took.
struct Scaling {
    Samples shorter, longer;           ///< seconds per call
    Allocations of_shorter, of_longer; ///< allocations per call, beyond q, k, v, out and lse, which are there before it
    double error_ratio = 0;            ///< error ratio of the shorter result
    bool right = false;                ///< that is within the bound, and the longer result repeats it bit for bit

    double growth() const; ///< time per token of the longer over that of the shorter, medians
};

/// Verifies and times both lengths. Takes about 4.5 GB; throws InputError where the system has less available.
Scaling scaling(const Progress& progress);

} // namespace dra::benchmarks
