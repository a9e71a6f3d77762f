#include "reference/ring/strategies/exchanging.hpp"

#include "reference/ring/shard.hpp"

namespace dra::strategies {
namespace {

class Exchanging {
public:
    Exchanging(const Problem& problem, Index rank, const std::function<Interval(Index)>& heads_of_rank)
        : problem_(problem), rank_(rank), ranks_(participants(problem)), heads_of_rank_(heads_of_rank),
          itinerary_(beginning(problem, rank)) {
        const TokenRows all({Positions{0, 1, problem.tokens}});
        itinerary_.computed = queries_ = add_place(itinerary_, {Holds::queries, {heads_of_rank(rank), all}});
        keys_ = add_place(itinerary_, {Holds::keys, {kv_heads_of(problem, heads_of_rank(rank)), all}});
    }

    /// Rows of all tokens come together in the places that are computed, which are then visited.
    void gather(Pass& pass, const std::vector<Operand>& operands) {
        TransferPlan transfer{"gather", 0, {}, {}};
        ItineraryStep arrival, work;
        for (const Index peer : ranks_)
            for (const Operand operand : operands) {
                const Part mine = rows(operand, peer, rank_), theirs = rows(operand, rank_, peer);
                if (peer == rank_) {
                    append_moves(arrival.moves, at(own(operand), operand, mine), at(here(operand), operand, mine),
                                 false);
                    continue;
                }
                append_messages(transfer.receives, peer, at(here(operand), operand, mine));
                append_messages(transfer.sends, peer, at(own(operand), operand, theirs));
            }
        if (!transfer.sends.empty() || !transfer.receives.empty())
            arrival.starts = arrival.awaits = {add_transfer(pass, std::move(transfer))};
        append_visits(work, problem_, itinerary_, {keys_});
        pass.steps.push_back(std::move(arrival));
        if (&pass == &itinerary_.gradient) work.clears = {keys_, own_keys};
        pass.steps.push_back(std::move(work));
    }

    /// What was computed goes to the owners of its rows. Those of dk and dv, which several ranks may have a share in, are
    /// added up in the order of the ranks.
    void scatter(Pass& pass, const std::vector<Operand>& operands) {
        TransferPlan transfer{"scatter", 1, {}, {}};
        ItineraryStep arrival;
        for (const Index peer : ranks_) {
            std::optional<Index> share; // of dk and dv, from this peer
            for (const Operand operand : operands) {
                const Part mine = rows(operand, rank_, peer), theirs = rows(operand, peer, rank_);
                const bool adds = is_of_keys(operand);
                Index place = peer == rank_ ? here(operand) : own(operand);
                if (peer != rank_ && adds && mine.heads.size() > 0) {
                    if (!share) share = add_place(itinerary_, {Holds::key_gradients, mine});
                    place = *share;
                }
                if (peer != rank_) {
                    append_messages(transfer.receives, peer, at(place, operand, mine));
                    append_messages(transfer.sends, peer, at(here(operand), operand, theirs));
                }
                if (peer == rank_ || adds)
                    append_moves(arrival.moves, at(place, operand, mine), at(own(operand), operand, mine), adds);
            }
        }
        if (!transfer.sends.empty() || !transfer.receives.empty())
            arrival.starts = arrival.awaits = {add_transfer(pass, std::move(transfer))};
        pass.steps.push_back(std::move(arrival));
    }

    /// What was computed of the rank's own rows is the result.
    void keep(Pass& pass, const std::vector<Operand>& operands) {
        ItineraryStep step;
        for (const Operand operand : operands) {
            const Part mine = rows(operand, rank_, rank_);
            append_moves(step.moves, at(here(operand), operand, mine), at(own(operand), operand, mine),
                         is_of_keys(operand));
        }
        pass.steps.push_back(std::move(step));
    }

    Itinerary& itinerary() { return itinerary_; }

private:
    /// The rows of an operand that `owner` owns, of the heads that `computing` computes.
    Part rows(Operand operand, Index owner, Index computing) const {
        const Interval heads = heads_of_rank_(computing);
        return {is_of_keys(operand) ? kv_heads_of(problem_, heads) : heads, TokenRows(owned(problem_, owner))};
    }

    std::vector<Parcel> at(Index place, Operand operand, const Part& rows) const {
        return rows.heads.size() == 0 ? std::vector<Parcel>() : parcels(problem_, itinerary_, place, operand, rows);
    }

    Index own(Operand operand) const { return is_of_keys(operand) ? own_keys : own_queries; }
    Index here(Operand operand) const { return is_of_keys(operand) ? keys_ : queries_; }

    const Problem& problem_;
    Index rank_;
    std::vector<Index> ranks_;
    const std::function<Interval(Index)>& heads_of_rank_;
    Itinerary itinerary_;
    Index queries_ = 0, keys_ = 0;
};

} // namespace

Itinerary exchange(const Problem& problem, Index rank, const std::function<Interval(Index rank)>& heads_of_rank,
                   bool returns, bool gradient) {
    Exchanging exchanging(problem, rank, heads_of_rank);
    const auto finish = [&](Pass& pass, const std::vector<Operand>& operands) {
        returns ? exchanging.scatter(pass, operands) : exchanging.keep(pass, operands);
    };
    Itinerary& itinerary = exchanging.itinerary();
    exchanging.gather(itinerary.attention, {Operand::q, Operand::k, Operand::v});
    finish(itinerary.attention, {Operand::out, Operand::lse});
    if (gradient) {
        exchanging.gather(itinerary.gradient, {Operand::dout}); // the rest is still there
        finish(itinerary.gradient, {Operand::dq, Operand::dk, Operand::dv});
    }
    return std::move(itinerary);
}

} // namespace dra::strategies
