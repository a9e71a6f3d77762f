#pragma once
/// \file
/// What the loops of the pipeline go over: chunk after chunk, and in every chunk pattern after pattern.

#include "cuda/device/device_problem.hpp"
#include "cuda/published/attend_call.hpp"
#include "reference/definition/pattern.hpp"
#include "reference/published/fix_5_caching.hpp"
#include "reference/ring/shard.hpp"

#include <vector>

namespace dra::cuda::DRA_TARGET::rungs {

/// A pattern, and its number in the problem.
struct NumberedPattern {
    Index number;
    Parameters parameters;

    /// The parameters for these heads, which are fix 5's to say.
    Parameters with_heads(Interval heads) const {
        Parameters p = parameters;
        p.first_kv_head = static_cast<int>(heads.begin);
        p.kv_head_count = static_cast<int>(heads.size());
        return p;
    }
};

/// The patterns that some head uses.
inline std::vector<NumberedPattern> patterns_of(const Problem& problem) {
    std::vector<NumberedPattern> patterns;
    for (const DevicePattern& pattern : cuda::device_problem(problem).patterns) {
        const auto number = problem.mode == Mode::mixture
                                ? static_cast<Index>(patterns.size())
                                : head_group(pattern.parameters.first_kv_head, problem.kv_heads, problem.patterns());
        patterns.push_back({number, pattern.parameters});
    }
    return patterns;
}

/// The chunks of a ring, without empty ones.
inline std::vector<IntInterval> chunks_of(const Problem& problem) {
    std::vector<IntInterval> chunks;
    for (Index c = 0; c < problem.ranks; ++c) {
        const Interval tokens = dra::chunk(c, problem.ranks, {0, problem.tokens});
        if (tokens.size() == 0) break; // the rest are empty too
        chunks.push_back({static_cast<int>(tokens.begin), static_cast<int>(tokens.end)});
    }
    return chunks;
}

} // namespace dra::cuda::DRA_TARGET::rungs
