#pragma once
/// \file
/// How long ranks that are threads take for a warm run: they begin it together, when all of them are done with a first
/// one. Without that, whoever is early would wait for the others' first run, and its wait would be taken for a part of
/// the second.

#include "distributed/attention.hpp"
#include "distributed/backends/threads.hpp"

#include <functional>

namespace dra::benchmarks {

/// The shards of q, k and v, by rank.
struct InputShards {
    const std::vector<Shard<float>>&q, &k, &v;
};

/// What is done with a rank's attention when it has run, on the rank's thread.
using Finish = std::function<void(Index rank, const distributed::DistributedAttention<float>&)>;

/// Seconds from the first rank's start of the second run to the last one's end. Throws what a rank throws.
double warm_seconds(const Problem& problem, Strategy strategy, const distributed::Link& link, const InputShards& shards,
                    const Finish& finish = {});

} // namespace dra::benchmarks
