#pragma once
/// \file
/// The one verb: an exchange of rows with named peers, made once and run many times.
///
/// Nomenclature. A *communicator* is one rank's end of a world of ranks. A *transfer* is an exchange that it has made;
/// a *run* of it goes from start() to the end of wait(). Ring hops, gathers, sums in a fixed order, digests and barriers
/// are all exchanges: there are no groups and no collectives.
///
/// The deadline, the counting, the record of the last steps and the words of errors stand here, once. A backend supplies
/// begin(), waiting_for(), give_up() and a way to make transfers.

#include "distributed/comm_error.hpp"
#include "distributed/rows.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>

namespace dra::distributed {

/// What was exchanged with a peer, in runs that ended well.
struct Traffic {
    Index bytes_sent = 0, bytes_received = 0;
    Index messages_sent = 0, messages_received = 0;

    bool operator==(const Traffic&) const = default;
};

class Communicator;

/// An exchange that is made once and run many times, one run at a time. Destroyed in the middle of a run it is
/// abandoned: nothing reads or writes its rows any more. The communicator must outlive it.
class Transfer {
public:
    Transfer(Communicator& communicator, Exchange exchange);
    virtual ~Transfer() = default;
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Posts the exchange; never blocks.
    void start();

    /// Lets it progress, between two pieces of work, and tells the peers that this rank is alive. True when done.
    bool advance();

    /// Waits until the rows have arrived and those that were sent may be overwritten. The deadline runs here alone, and
    /// any sign of life of the peer that is waited for starts it anew. Throws CommError.
    void wait();

    const Exchange& exchange() const { return exchange_; }

protected:
    /// Tells the others, and throws.
    [[noreturn]] void fail(Index peer, Index suspect, std::string cause);

    Communicator& communicator() { return communicator_; }
    Clock::time_point started() const { return started_; }

private:
    friend class TransferDecorator;

    /// Posts all messages. What went wrong is thrown by waiting_for().
    virtual void begin() = 0;

    /// Drives progress for at most `patience`: the first peer that is not done, or none when all are. Fails.
    virtual std::optional<Index> waiting_for(Clock::duration patience) = 0;

    /// Called at the end of a run.
    virtual void end() {}

    /// Ends the waits of the other ranks.
    virtual void give_up(const CommError& error) noexcept = 0;

    Communicator& communicator_;
    const Exchange exchange_;
    Clock::time_point started_;
};

/// One rank's end of a world of ranks. One thread at a time.
class Communicator {
public:
    Communicator(Index size, Clock::duration timeout) : traffic_(static_cast<std::size_t>(size)), timeout_(timeout) {}
    virtual ~Communicator() = default;
    Communicator(const Communicator&) = delete;
    Communicator& operator=(const Communicator&) = delete;

    virtual Index rank() const = 0;
    Index size() const { return std::ssize(traffic_); }
    Clock::duration timeout() const { return timeout_; }

    /// Makes a transfer. Sizes are compared when messages meet; peers are other ranks of the world.
    virtual std::unique_ptr<Transfer> transfer(Exchange exchange) = 0;

    /// The waits of all ranks end, and say this.
    virtual void abort(const std::string& cause) noexcept = 0;

    /// Tells the clock of a model that so many FLOPs were computed; where time is real it does nothing.
    virtual void spend(double flops);

    /// Tells whoever waits for this rank that it is alive.
    virtual void show_life();

    /// The last sign of life of a rank; of one that gives none, the beginning of time.
    virtual Clock::time_point last_life(Index rank) const;

    /// Who is at fault where this rank waited for a peer in vain: the peer, or the rank that it waits for itself.
    virtual Index suspect(Index peer) const { return peer; }

    /// What was exchanged with every peer.
    std::span<const Traffic> traffic() const { return traffic_; }
    void reset_traffic();

private:
    friend class Transfer;

    /// A transfer's latest run. The text is cut, so that keeping it allocates nothing.
    struct Record {
        std::array<char, 32> operation = {};
        Index step = 0;
        bool is_done = false;
    };

    void note_start(const Exchange& exchange);
    void note_end(const Exchange& exchange);
    std::vector<std::string> last_steps() const;

    std::vector<Traffic> traffic_; ///< by peer
    Clock::duration timeout_;
    std::array<Record, 8> records_ = {}; ///< the last that were started, in a circle
    std::size_t started_ = 0;            ///< how many were
};

} // namespace dra::distributed
