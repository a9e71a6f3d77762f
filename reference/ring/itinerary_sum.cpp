#include "reference/ring/cost.hpp"

#include <algorithm>
#include <map>

namespace dra {
namespace {

Index elements(const Problem& problem, const Parcel& parcel) {
    return parcel.rows.count * parcel.heads.size() * (parcel.operand == Operand::lse ? 1 : problem.head_dim);
}

/// The elements that a place has room for.
Index elements(const Problem& problem, const Place& place, bool gradient) {
    const Index rows = problem.batch * place.part.tokens.count() * place.part.heads.size(), D = problem.head_dim;
    switch (place.holds) {
    case Holds::queries: return rows * ((gradient ? 6 : 3) * D + 2);
    case Holds::keys: return rows * (gradient ? 6 : 2) * D;
    case Holds::key_gradients: break;
    }
    return rows * 2 * D;
}

} // namespace

Cost sum(const Problem& problem, const Itinerary& itinerary, PassName name, Index element_bytes) {
    const Pass& pass = name == PassName::attention ? itinerary.attention : itinerary.gradient;
    Cost cost;
    for (const TransferPlan& transfer : pass.transfers) {
        for (const Message& message : transfer.sends)
            cost.bytes_sent += element_bytes * elements(problem, message.parcel);
        for (const Message& message : transfer.receives)
            cost.bytes_received += element_bytes * elements(problem, message.parcel);
        cost.messages_sent += std::ssize(transfer.sends);
        cost.messages_received += std::ssize(transfer.receives);
    }
    for (const ItineraryStep& step : pass.steps)
        for (const Visit& visit : step.visits) cost.pairs += visit.pairs;
    return cost;
}

Index memory_beyond_shards(const Problem& problem, const Itinerary& itinerary, bool gradient, Index element_bytes) {
    Index sum = 0;
    std::map<Index, Index> shared;
    for (std::size_t i = own_keys + 1; i < itinerary.places.size(); ++i) {
        const Place& place = itinerary.places[i];
        const Index size = element_bytes * elements(problem, place, gradient);
        if (place.shared)
            shared[*place.shared] = std::max(shared[*place.shared], size);
        else
            sum += size;
    }
    for (const auto& [number, size] : shared) sum += size;
    return sum;
}

} // namespace dra
