#pragma once
/// \file
/// What is said when an exchange fails: who waited for whom, since when, in which step, and who is believed to be at
/// fault.

#include "reference/definition/positions.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace dra::distributed {

using Clock = std::chrono::steady_clock;

/// A failure in the exchange of one rank with another.
class CommError : public std::runtime_error {
public:
    struct Facts {
        Index rank;    ///< who says so
        Index peer;    ///< whom it waited for
        Index suspect; ///< who is believed to be at fault: the peer, or the rank that the peer itself waited for
        Index step;    ///< of the exchange; -1 outside of one
        std::string operation;                    ///< likewise
        Clock::duration elapsed;                  ///< since the exchange was started
        std::string cause;                        ///< what happened
        std::vector<std::string> last_steps = {}; ///< of this rank, the latest last
    };

    explicit CommError(Facts facts) : std::runtime_error(text(facts)), facts_(std::move(facts)) {}

    const Facts& facts() const { return facts_; }

private:
    static std::string text(const Facts& facts);

    Facts facts_;
};

} // namespace dra::distributed
