#include "reference/ring/strategies/gathering.hpp"

#include <map>

namespace dra::strategies {
namespace {

/// Which ranks need a row, in the order in which a ring meets them from its owner on.
using Route = std::vector<Index>;

/// The rows of one owner and head by their route.
std::map<Route, std::vector<Index>> rows_by_route(const std::map<Index, Route>& routes) {
    std::map<Route, std::vector<Index>> rows;
    for (const auto& [row, route] : routes) rows[route].push_back(row);
    return rows;
}

/// The rows of a piece's ranks.
void note(std::map<Index, Route>& routes, const Positions& piece, Index rank) {
    for (Index t = 0; t < piece.count; ++t) routes[piece[t]].push_back(rank);
}

} // namespace

/// Needed rows hop from rank to rank, and pass nobody who does not need them: as in a ring every rank talks to the one
/// before and the one behind it in the segment, and under the causal mask the chain does not wrap.
Itinerary dilated_ring(const Problem& problem, Index rank, bool gradient) {
    std::vector<Bundle> bundles;
    const std::vector<Index> ranks = participants(problem);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        // By head and interval of the owner, since a piece lies in one.
        const Part shard = key_shard(problem, ranks[i]);
        std::map<std::pair<Index, std::size_t>, std::map<Index, Route>> routes;
        for (std::size_t hop = 1; hop < ranks.size(); ++hop) {
            const Index to = ranks[(i + hop) % ranks.size()];
            for (const auto& [heads, tokens] : wanted_rows(problem, to, ranks[i]))
                for (const Positions& piece : tokens.pieces())
                    for (std::size_t j = 0; j < shard.tokens.pieces().size(); ++j)
                        if (!common(piece, shard.tokens.pieces()[j]).empty())
                            for (Index g = heads.begin; g < heads.end; ++g) note(routes[{g, j}], piece, to);
        }
        std::map<Route, std::vector<Part>> parts;
        for (const auto& [place, of_rows] : routes)
            for (const auto& [route, rows] : rows_by_route(of_rows))
                append(parts[route], place.first, progressions(rows));
        for (auto& [route, of_route] : parts)
            for (Part& part : of_route) bundles.push_back({ranks[i], std::move(part), route});
    }
    return gather(problem, rank, bundles, Posting::hops, gradient);
}

} // namespace dra::strategies
