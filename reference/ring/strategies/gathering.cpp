#include "reference/ring/strategies/gathering.hpp"

#include <algorithm>
#include <map>

namespace dra::strategies {
namespace {

/// A place that a bundle came to, or, of gradients, in which some of the rank's own come back.
struct Arrival {
    Index transfer; ///< by its number, which is also the step's
    Index place;
    Index peer; ///< the owner of the rows, or who sends gradients of the rank's own
    Part part;
};

class Gathering {
public:
    Gathering(const Problem& problem, Index rank, const std::vector<Bundle>& bundles, Posting posting)
        : problem_(problem), rank_(rank), posting_(posting), ranks_(participants(problem)),
          itinerary_(beginning(problem, rank)) {
        for (const Bundle& bundle : bundles) carry(bundle);
        play_attention();
    }

    void add_gradient(const std::vector<Bundle>& bundles) {
        Returns returns;
        for (const Bundle& bundle : bundles)
            for (const Index from : bundle.route) bring_back(returns, bundle, from);
        play_gradient(returns);
    }

    Itinerary itinerary() && { return std::move(itinerary_); }

private:
    /// The distance from an owner to a rank that needs its rows, along the ring of ranks that take part.
    Index distance(Index owner, Index rank) const {
        const auto place_of = [&](Index r) { return std::ranges::find(ranks_, r) - ranks_.begin(); };
        const auto count = std::ssize(ranks_);
        return (place_of(rank) - place_of(owner) + count) % count;
    }

    Index transfer_of(const Bundle& bundle, std::size_t hop) const {
        switch (posting_) {
        case Posting::at_once: return 0;
        case Posting::together: return distance(bundle.owner, bundle.route[hop]) - 1;
        case Posting::hops: break;
        }
        return static_cast<Index>(hop);
    }

    /// The rank's part in the journey of a bundle.
    void carry(const Bundle& bundle) {
        Index place = own_keys; // where the rank has it
        for (std::size_t hop = 0; hop < bundle.route.size(); ++hop) {
            const Index from = hop == 0 ? bundle.owner : bundle.route[hop - 1], to = bundle.route[hop];
            if (from != rank_ && to != rank_) continue;
            const Index number = transfer_of(bundle, hop);
            TransferPlan& transfer = transfers_[number];
            if (to == rank_) {
                place = add_place(itinerary_, {Holds::keys, bundle.part});
                arrivals_.push_back({number, place, bundle.owner, bundle.part});
            }
            for (const Operand operand : {Operand::k, Operand::v})
                append_messages(to == rank_ ? transfer.receives : transfer.sends, to == rank_ ? from : to,
                                parcels(problem_, itinerary_, place, operand, bundle.part));
        }
    }

    /// The work on what a transfer brought.
    void visit_arrivals(ItineraryStep& step, Index transfer) const {
        for (const Arrival& arrival : arrivals_)
            if (arrival.transfer == transfer) append_visits(step, problem_, itinerary_, {arrival.place});
    }

    void play_attention() {
        Pass& pass = itinerary_.attention;
        std::vector<Index> numbers;
        for (auto& [number, transfer] : transfers_) {
            transfer.operation = "keys";
            transfer.step = number;
            add_transfer(pass, std::move(transfer));
            numbers.push_back(number);
        }
        ItineraryStep local;
        append_visits(local, problem_, itinerary_, {own_keys});
        if (posting_ == Posting::at_once && !numbers.empty()) {
            pass.steps.push_back({{0}, {}, {}, {0}, {}});
            visit_arrivals(local, 0);
            pass.steps.push_back(std::move(local));
            return;
        }
        pass.steps.push_back(std::move(local));
        std::vector<std::size_t> given; // transfers that bring nothing, which no work waits for
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            pass.steps[posting_ == Posting::together ? 0 : i].starts.push_back(i);
            if (posting_ == Posting::together && pass.transfers[i].receives.empty()) {
                given.push_back(i);
                continue;
            }
            pass.steps.back().awaits.push_back(i);
            visit_arrivals(pass.steps.emplace_back(), numbers[i]);
        }
        pass.steps.back().awaits.insert(pass.steps.back().awaits.end(), given.begin(), given.end());
    }

    /// Transfers of gradients by their number: to the owners of the rows, and from those that had the rank's own. They
    /// are not the same, since the ranks that a rank gives to need not be done when it is.
    struct Returns {
        std::map<Index, TransferPlan> given, taken;
    };

    /// The rank's part in the return of a bundle's gradients from one of the ranks that had it.
    void bring_back(Returns& returns, const Bundle& bundle, Index from) {
        if (from != rank_ && bundle.owner != rank_) return;
        const Index number = distance(bundle.owner, from) - 1;
        TransferPlan& transfer = (from == rank_ ? returns.given : returns.taken)[number];
        transfer.operation = "key gradients";
        transfer.step = number;
        Index place = 0;
        if (from == rank_) {
            place = arrivals_[brought_back_++].place;
        } else {
            place = add_place(itinerary_, {Holds::key_gradients, bundle.part});
            returned_.push_back({number, place, from, bundle.part});
        }
        for (const Operand operand : {Operand::dk, Operand::dv})
            append_messages(from == rank_ ? transfer.sends : transfer.receives, from == rank_ ? bundle.owner : from,
                            parcels(problem_, itinerary_, place, operand, bundle.part));
    }

    void play_gradient(Returns& returns) {
        Pass& pass = itinerary_.gradient;
        pass.steps.emplace_back().clears = {own_keys};
        for (const Arrival& arrival : arrivals_) pass.steps.back().clears.push_back(arrival.place);
        for (auto& [number, transfer] : returns.taken)
            pass.steps.back().starts.push_back(add_transfer(pass, std::move(transfer)));
        std::vector<std::size_t> started;
        for (auto& [number, transfer] : returns.given) {
            ItineraryStep step; // the work on the rows of one owner, while the gradients of another's are under way
            step.starts = started;
            for (const Arrival& arrival : arrivals_)
                if (distance(arrival.peer, rank_) - 1 == number)
                    append_visits(step, problem_, itinerary_, {arrival.place});
            pass.steps.push_back(std::move(step));
            started = {add_transfer(pass, std::move(transfer))};
        }
        ItineraryStep local;
        local.starts = started;
        append_visits(local, problem_, itinerary_, {own_keys});
        for (std::size_t i = 0; i < pass.transfers.size(); ++i) local.awaits.push_back(i);
        std::ranges::stable_sort(returned_, {}, &Arrival::peer);
        for (const auto& [number, place, peer, part] : returned_)
            for (const Operand operand : {Operand::dk, Operand::dv})
                append_moves(local.moves, parcels(problem_, itinerary_, place, operand, part),
                             parcels(problem_, itinerary_, own_keys, operand, part), true);
        pass.steps.push_back(std::move(local));
    }

    const Problem& problem_;
    Index rank_;
    Posting posting_;
    std::vector<Index> ranks_;
    Itinerary itinerary_;
    std::map<Index, TransferPlan> transfers_;
    std::vector<Arrival> arrivals_; ///< in the order of the bundles
    std::size_t brought_back_ = 0;
    std::vector<Arrival> returned_;
};

} // namespace

Itinerary gather(const Problem& problem, Index rank, const std::vector<Bundle>& bundles, Posting posting,
                 bool gradient) {
    Gathering gathering(problem, rank, bundles, posting);
    if (gradient) gathering.add_gradient(bundles);
    return std::move(gathering).itinerary();
}

} // namespace dra::strategies
