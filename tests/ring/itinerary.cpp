#include "reference/ring/cost.hpp"
#include "reference/ring/shard.hpp"
#include "tests/exhaustive.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace dra::test {
namespace {

constexpr Index most_ranks = 6;

/// Calls visit(problem, its itineraries by rank) for the strategy, every R and layout.
template <class Visit> void for_each_itinerary(Strategy strategy, const Problem& asked, Visit visit) {
    for (const Layout layout : layouts)
        for (Index ranks = 1; ranks <= most_ranks; ++ranks) {
            Problem problem = asked;
            problem.ranks = ranks;
            problem.layout = layout;
            std::vector<Itinerary> all;
            for (Index rank = 0; rank < ranks; ++rank) all.push_back(itinerary(strategy, problem, rank));
            visit(problem, all);
        }
}

/// A small question in a hundred, and random ones: mixtures, grouped-query heads, every phase rule.
template <class Visit> void for_some_problems(Visit visit) {
    Index number = 0;
    for_each_small_question([&](const Question& asked) {
        if (number++ % 100 == 0) visit(RandomInputs<float>(asked).problem);
    });
    for (std::uint64_t seed = 0; seed < 20; ++seed) visit(RandomInputs<float>(draw_question(SeededDraw(seed))).problem);
}

const Pass& pass_of(const Itinerary& itinerary, PassName name) {
    return name == PassName::attention ? itinerary.attention : itinerary.gradient;
}

/// The tokens that the rows of a parcel are.
std::vector<Index> tokens_of(const Itinerary& itinerary, const Parcel& parcel) {
    const Part& part = itinerary.places[parcel.place].part;
    std::vector<Index> all, tokens;
    for (const Positions& piece : part.tokens.pieces())
        for (Index t = 0; t < piece.count; ++t) all.push_back(piece[t]);
    for (Index t = 0; t < parcel.rows.count; ++t) tokens.push_back(all.at(static_cast<std::size_t>(parcel.rows[t])));
    CHECK(part.heads.begin <= parcel.heads.begin);
    CHECK(parcel.heads.end <= part.heads.end);
    return tokens;
}

/// What one rank says of a message: the same as the other, or it is lost.
struct Said {
    Index step;
    Operand operand;
    Index batch;
    Interval heads;
    std::vector<Index> tokens;
    bool operator==(const Said&) const = default;
};

using Lists = std::map<std::pair<Index, Index>, std::vector<Said>>; // by sender and receiver

void list(Lists& sent, Lists& received, const Itinerary& itinerary, const Pass& pass) {
    for (const TransferPlan& transfer : pass.transfers) {
        const auto say = [&](const Parcel& parcel) {
            return Said{transfer.step, parcel.operand, parcel.batch, parcel.heads, tokens_of(itinerary, parcel)};
        };
        for (const auto& [peer, parcel] : transfer.sends) sent[{itinerary.rank, peer}].push_back(say(parcel));
        for (const auto& [peer, parcel] : transfer.receives) received[{peer, itinerary.rank}].push_back(say(parcel));
    }
}

TEST_CASE("what a rank sends another is what the other expects, message by message") {
    for (const Strategy strategy : all_strategies)
        for_some_problems([&](const Problem& asked) {
            for_each_itinerary(strategy, asked, [&](const Problem&, const std::vector<Itinerary>& all) {
                for (const PassName name : {PassName::attention, PassName::gradient}) {
                    Lists sent, received;
                    for (const Itinerary& itinerary : all) list(sent, received, itinerary, pass_of(itinerary, name));
                    CHECK(sent == received);
                }
            });
        });
}

TEST_CASE("the sum over an itinerary is the strategy's cost in closed form") {
    for (const Strategy strategy : all_strategies)
        for_some_problems([&](const Problem& asked) {
            for_each_itinerary(strategy, asked, [&](const Problem& problem, const std::vector<Itinerary>& all) {
                for (const Itinerary& itinerary : all) {
                    CAPTURE(name(strategy));
                    for (const PassName pass : {PassName::attention, PassName::gradient}) {
                        Cost expected = cost(strategy, problem, itinerary.rank, pass, 4);
                        const Cost found = sum(problem, itinerary, pass, 4);
                        expected.messages_sent = found.messages_sent;
                        expected.messages_received = found.messages_received;
                        CHECK(found == expected);
                    }
                    for (const bool gradient : {false, true})
                        CHECK(memory_beyond_shards(problem, dra::itinerary(strategy, problem, itinerary.rank, gradient),
                                                   gradient, 4) ==
                              memory_beyond_shards(strategy, problem, itinerary.rank, gradient, 4));
                }
            });
        });
}

/// Rows of other ranks, all heads and batches, that some query of the rank sees, by looking at every pair.
Index seen_rows_of_others(const Problem& problem, Index rank) {
    std::vector<bool> own(static_cast<std::size_t>(problem.tokens));
    for (const auto& [begin, end] : owned(problem, rank))
        for (Index n = begin; n < end; ++n) own[n] = true;
    Index rows = 0;
    for (Index g = 0; g < problem.kv_heads; ++g)
        for (Index j = 0; j < problem.tokens; ++j) {
            bool seen = false;
            for (Index i = 0; i < problem.tokens && !seen && !own[j]; ++i)
                seen = own[i] && times_seen(problem, g, i, j);
            rows += seen;
        }
    return rows * problem.batch;
}

TEST_CASE("segment gather and dilated ring receive every row of others that a query sees once, and nothing else") {
    for (const Strategy strategy : {Strategy::segment_gather, Strategy::dilated_ring})
        for_some_problems([&](const Problem& asked) {
            for_each_itinerary(strategy, asked, [&](const Problem& problem, const std::vector<Itinerary>& all) {
                for (const Itinerary& itinerary : all) {
                    const Index least = 2 * problem.head_dim * 4 * seen_rows_of_others(problem, itinerary.rank);
                    CHECK(sum(problem, itinerary, PassName::attention, 4).bytes_received == least);
                    CHECK(least_bytes(problem, itinerary.rank, 4) == least);
                }
            });
        });
}

TEST_CASE("every visible pair is visited once, and under replicate once per rank") {
    for (const Strategy strategy : all_strategies)
        for_some_problems([&](const Problem& asked) {
            Index visible = 0;
            for (Index g = 0; g < asked.kv_heads; ++g)
                for (Index i = 0; i < asked.tokens; ++i)
                    for (Index j = 0; j < asked.tokens; ++j)
                        visible += asked.batch * asked.query_heads_per_kv_head() * times_seen(asked, g, i, j);
            for_each_itinerary(strategy, asked, [&](const Problem& problem, const std::vector<Itinerary>& all) {
                for (const PassName name : {PassName::attention, PassName::gradient}) {
                    Index pairs = 0, working = 0;
                    for (const Itinerary& itinerary : all) {
                        pairs += sum(problem, itinerary, name, 4).pairs;
                        working += itinerary.places.front().part.tokens.count() > 0;
                    }
                    CHECK(pairs == visible * (strategy == Strategy::replicate ? working : 1));
                }
            });
        });
}

} // namespace
} // namespace dra::test
