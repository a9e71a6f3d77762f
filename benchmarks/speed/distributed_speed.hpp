#pragma once
/// \file
/// Strategies of many ranks side by side: ranks that are threads of this machine, over links that are as fast as
/// memory, slow in real time, or slow in model time.
///
/// Batch 1, H = 4, D = 64, causal, float, layout segment-zigzag, every head the mixture of two patterns, (w, 1) and
/// (2 w, 4) with w a quarter of the tokens that the bench is asked for. Shorter and longer cases keep w, so that the
/// work per token stays the same. Every case is verified against the same engine in double, which the tests hold
/// against the oracle; and its bytes and messages against the closed form, in every run.

#include "benchmarks/measuring/timing.hpp"
#include "distributed/backends/attention_by_threads.hpp"

#include <map>

namespace dra::benchmarks {

/// Who computes what, over which link.
struct RanksCase {
    Strategy strategy = Strategy::segment_gather;
    Index tokens = 0, ranks = 1;
    distributed::Link link = {};
};

/// A case and what it took.
struct RanksSpeed {
    RanksCase shape;
    Samples samples = {};     ///< seconds of the slowest rank; a single one in model time
    Index received = 0;       ///< bytes, by the rank that receives most
    Index least = 0;          ///< bytes that some rank must receive, whatever the strategy
    Index messages = 0;       ///< that a rank receives, at most
    Index memory = 0;         ///< bytes beyond its shards, at most
    double busiest_flops = 0; ///< of the rank that computes most
    double balance = 1;       ///< that over the mean
    double error_ratio = 0;   ///< of out and lse

    double seconds() const; ///< the median
};

/// Times cases that share their inputs.
class DistributedBench {
public:
    /// For cases of up to `most_tokens`, with w = tokens / 4.
    DistributedBench(Index tokens, Index most_tokens);

    Index segment_length() const { return segment_length_; }

    /// Verifies the cases, and times them interleaved. Where time is that of the model, one run says it all.
    std::vector<RanksSpeed> speeds(const std::vector<RanksCase>& cases, int repetitions, const Progress& progress);

private:
    Problem problem(const RanksCase& shape) const;
    InputsView<float> inputs(Index tokens) const;
    const Attention<double>& truth(const Problem& problem);
    double seconds(const RanksCase& shape) const; ///< of a warm run
    RanksSpeed verified(const RanksCase& shape);

    Index segment_length_;
    Tensor<float> q_, k_, v_;                   ///< of the longest case
    std::map<Index, Attention<double>> truths_; ///< by tokens
};

} // namespace dra::benchmarks
