#include "reference/ring/strategies/exchanging.hpp"

#include "reference/ring/shard.hpp"

#include <algorithm>

namespace dra::strategies {

/// Every rank computes some heads of all tokens, ceil(H/R) or none: ranks beyond H are idle. Where a rank has not all of
/// the query heads of a KV head, the KV head goes to several.
Itinerary heads(const Problem& problem, Index rank, bool gradient) {
    const std::vector<Index> ranks = participants(problem);
    const auto heads_of_rank = [&](Index r) {
        return chunk(std::ranges::find(ranks, r) - ranks.begin(), std::ssize(ranks), {0, problem.heads});
    };
    return exchange(problem, rank, heads_of_rank, true, gradient);
}

} // namespace dra::strategies
