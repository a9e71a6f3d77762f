#pragma once
/// \file
/// A million tokens by ranks that are threads, against the engine alone on the same cores.
///
/// B = 1, H = 4, D = 64, float, causal, patterns (2048, 1) (524288, 64) in a mixture, layout segment-zigzag, strategy
/// segment-gather. The inputs are there once, whole or as shards, and are turned from one into the other between
/// samples, untimed: it takes about 5.5 GB.

#include "benchmarks/measuring/timing.hpp"
#include "reference/ring/cost.hpp"

namespace dra::benchmarks {

/// What both took.
struct MillionTokens {
    Samples alone, ranks; ///< seconds of a warm run: of the engine, and from the first rank's start to the last's end
    std::vector<Cost> costs;   ///< by rank, as counted and predicted
    std::vector<Index> least;  ///< bytes that each rank must receive
    std::vector<Index> memory; ///< bytes beyond each rank's shards
    double error_ratio = 0;    ///< of what the ranks found, in sampled rows, against the engine alone
    bool right = false;        ///< that is within the bounds of both

    double slowdown() const; ///< medians, the ranks' over the engine's
};

/// Verifies and times both. Throws InputError where the system has less memory available than it takes.
MillionTokens million_tokens(Index tokens, Index ranks, int repetitions, const Progress& progress);

} // namespace dra::benchmarks
