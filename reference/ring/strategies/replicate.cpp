#include "reference/ring/strategies/exchanging.hpp"

namespace dra::strategies {

/// Every rank computes all heads of all tokens, and keeps its own rows: R times the work.
Itinerary replicate(const Problem& problem, Index rank, bool gradient) {
    return exchange(
        problem, rank,
        [&](Index) {
            return Interval{0, problem.heads};
        },
        false, gradient);
}

} // namespace dra::strategies
