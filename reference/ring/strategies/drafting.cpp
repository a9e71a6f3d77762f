#include "reference/ring/strategies/drafting.hpp"

#include "reference/ring/shard.hpp"
#include "reference/ring/visit.hpp"

namespace dra::strategies {
namespace {

constexpr Index flops_per_visit = Index{1} << 29; // some milliseconds of one core, and keys are packed once for each

/// Visible pairs of the queries at some tokens, of all heads.
Index pairs_of(const Problem& problem, Index pattern, const Part& queries, const Interval& among, const Part& keys) {
    Index pairs = 0;
    for_each_segment_visit(problem, pattern, queries, {among, {0, problem.kv_heads}}, keys,
                           [&](const SegmentVisit& visit) { pairs += visit.heads.size() * visit.visibility.pairs(); });
    return pairs;
}

/// Tokens whose queries do no more than a visit's work on some keys, as far as that can be told beforehand: at least
/// one, and whole segments where several fit.
Index tokens_per_visit(const Problem& problem, Index pattern, const Part& queries, const Part& keys) {
    const Index w = problem.segment_lengths[pattern], r = problem.dilation_rates[pattern];
    const Index heads = problem.batch * queries.heads.size(), most_keys = std::min(ceil_div(w, r), keys.tokens.count());
    const double pairs_per_token = static_cast<double>(heads * most_keys) / static_cast<double>(r),
                 pairs = static_cast<double>(flops_per_visit) / static_cast<double>(4 * problem.head_dim);
    const Index tokens =
        std::clamp<Index>(static_cast<Index>(pairs / std::max(pairs_per_token, 1e-9)), 1, problem.tokens);
    return tokens < w ? tokens : tokens / w * w;
}

} // namespace

std::vector<Index> participants(const Problem& problem) {
    std::vector<Index> all;
    for (Index rank = 0; rank < problem.ranks; ++rank)
        if (tokens_in(owned(problem, rank)) > 0) all.push_back(rank);
    return all;
}

Itinerary beginning(const Problem& problem, Index rank) {
    const TokenRows tokens(owned(problem, rank));
    return {rank,
            {{Holds::queries, {{0, problem.heads}, tokens}}, {Holds::keys, {{0, problem.kv_heads}, tokens}}},
            own_queries,
            {},
            {}};
}

Index add_place(Itinerary& itinerary, Place place) {
    itinerary.places.push_back(std::move(place));
    return std::ssize(itinerary.places) - 1;
}

std::size_t add_transfer(Pass& pass, TransferPlan transfer) {
    pass.transfers.push_back(std::move(transfer));
    return pass.transfers.size() - 1;
}

std::vector<Parcel> parcels(const Problem& problem, const Itinerary& itinerary, Index place, Operand operand,
                            const Part& rows) {
    const Part& held = itinerary.places[place].part;
    std::vector<Parcel> all;
    for (Index b = 0; b < problem.batch; ++b)
        for (const Positions& piece : rows.tokens.pieces())
            for (std::size_t i = 0; i < held.tokens.pieces().size(); ++i) {
                if (piece.empty() || common(held.tokens.pieces()[i], piece).count < piece.count) continue;
                const Positions there = held.tokens.rows(i, piece);
                if (operand != Operand::lse)
                    all.push_back({operand, place, b, rows.heads, there});
                else
                    for (Index h = rows.heads.begin; h < rows.heads.end; ++h)
                        all.push_back({operand, place, b, {h, h + 1}, there});
                break;
            }
    return all;
}

void append_messages(std::vector<Message>& messages, Index peer, const std::vector<Parcel>& parcels) {
    for (const Parcel& parcel : parcels) messages.push_back({peer, parcel});
}

void append_moves(std::vector<Move>& moves, const std::vector<Parcel>& from, const std::vector<Parcel>& to, bool adds) {
    for (std::size_t i = 0; i < from.size(); ++i) moves.push_back({from[i], to[i], adds});
}

std::vector<Visit> visits(const Problem& problem, const Itinerary& itinerary, Index keys) {
    const Part &queries = itinerary.places[itinerary.computed].part, &visited = itinerary.places[keys].part;
    std::vector<Visit> all;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Index most = tokens_per_visit(problem, pattern, queries, visited), w = problem.segment_lengths[pattern];
        for (const Positions& piece : queries.tokens.pieces()) {
            const Interval own = extent(piece);
            for (Index begin = own.begin; begin < own.end;) {
                Index end = std::min(begin + most, own.end);
                if (most >= w && end < own.end) end = std::max(end / w * w, begin + 1);
                const Interval among{begin, end};
                if (const Index pairs = pairs_of(problem, pattern, queries, among, visited); pairs > 0)
                    all.push_back({keys, pattern, among, pairs});
                begin = end;
            }
        }
    }
    return all;
}

void append_visits(ItineraryStep& step, const Problem& problem, const Itinerary& itinerary,
                   const std::vector<Index>& places) {
    for (const Index place : places)
        for (Visit& visit : visits(problem, itinerary, place)) step.visits.push_back(visit);
}

} // namespace dra::strategies
