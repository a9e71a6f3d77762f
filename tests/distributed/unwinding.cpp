#include "distributed/attention.hpp"
#include "distributed/backends/threads.hpp"
#include "distributed/decorator.hpp"
#include "reference/ring/shard.hpp"
#include "tests/distributed/strided_block.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

#include <deque>

namespace dra::test {
namespace {

using namespace distributed;
using namespace std::chrono_literals;

constexpr Index ranks = 4, steps = 4;

/// What goes wrong on one rank.
struct Fault : std::runtime_error {
    Fault() : std::runtime_error("planted") {}
};

/// Where it does, in a step.
enum class Moment { before_start, after_start, before_wait };

/// Rows to and from peers, every step's in memory of its own, which goes when the rank unwinds.
struct Memory {
    std::deque<StridedBlock> blocks;

    ConstRows sent(Index message) {
        blocks.emplace_back(64, 256, 16).fill(message);
        return blocks.back().rows();
    }
    distributed::Rows received() { return blocks.emplace_back(64, 256, 16).mutable_rows(); }
};

/// A ring's step, and a gather's: from all, to all.
Exchange hop(Memory& memory, Index rank, Index step) {
    return {"hop", step, {{(rank + 1) % ranks, memory.sent(step)}}, {{(rank + ranks - 1) % ranks, memory.received()}}};
}
Exchange gather(Memory& memory, Index rank, Index step) {
    Exchange exchange{"gather", step, {}, {}};
    for (Index peer = 0; peer < ranks; ++peer)
        if (peer != rank) {
            exchange.sends.push_back({peer, memory.sent(step)});
            exchange.receives.push_back({peer, memory.received()});
        }
    return exchange;
}

/// Plays all steps, of which the next one is always started before one is awaited; one rank throws at one of them.
template <class MakeExchange>
void play_steps(Communicator& communicator, MakeExchange exchange, Index failing, Index at, Moment when) {
    const Index rank = communicator.rank();
    Memory memory;
    std::vector<std::unique_ptr<Transfer>> transfers;
    for (Index step = 0; step < steps; ++step) transfers.push_back(communicator.transfer(exchange(memory, rank, step)));
    const auto fail_here = [&](Index step, Moment now) {
        if (rank == failing && step == at && now == when) throw Fault();
    };
    for (Index step = 0; step < steps; ++step) {
        fail_here(step, Moment::before_start);
        if (step == 0) transfers[0]->start();
        fail_here(step, Moment::after_start);
        if (step + 1 < steps) transfers[step + 1]->start();
        for (int visit = 0; visit < 3; ++visit) transfers[step]->advance(); // where others meet the fault
        fail_here(step, Moment::before_wait);
        transfers[step]->wait();
    }
}

TEST_CASE("an exception anywhere in a ring or a gather ends all ranks at once, and is what is thrown") {
    constexpr auto deadline = 5min; // a hang would meet it
    const Clock::time_point began = Clock::now();
    const auto unwind = [&](auto exchange) {
        for (Index at = 0; at < steps; ++at)
            for (const Moment when : {Moment::before_start, Moment::after_start, Moment::before_wait})
                for (Index failing = 0; failing < ranks; ++failing) {
                    ThreadWorld world(ranks, {}, deadline);
                    CHECK_THROWS_AS(run_ranks(world,
                                              [&](Communicator& communicator) {
                                                  play_steps(communicator, exchange, failing, at, when);
                                              }),
                                    Fault);
                    CHECK(world.failure());
                }
    };
    unwind(hop);
    unwind(gather);
    CHECK(Clock::now() - began < deadline);
}

TEST_CASE("a message may be abandoned by one side, and then by the other") {
    for (const bool sender_first : {false, true}) {
        ThreadWorld world(2);
        const std::unique_ptr<Communicator> from = world.communicator(0), to = world.communicator(1);
        StridedBlock sent(4, 4, 4), received(4, 4, 4);
        std::unique_ptr<Transfer> send = from->transfer({"lost", 0, {{1, sent.rows()}}, {}}),
                                  receive = to->transfer({"lost", 0, {}, {{0, received.mutable_rows()}}});
        send->start();
        receive->start();
        (sender_first ? send : receive).reset();
        CHECK_THROWS_WITH_AS((sender_first ? receive : send)->wait(),
                             doctest::Contains("the peer abandoned its transfer"), CommError);
        (sender_first ? receive : send).reset();
    }
}

/// A communicator whose n-th start of a transfer throws; it counts them.
class FaultyCommunicator final : public CommunicatorDecorator {
public:
    FaultyCommunicator(Communicator& inner, Index which) : CommunicatorDecorator(inner), which_(which) {}

    std::unique_ptr<Transfer> transfer(Exchange exchange) override {
        return std::make_unique<FaultyTransfer>(*this, inner().transfer(std::move(exchange)));
    }

    Index starts() const { return starts_; }

private:
    struct FaultyTransfer final : TransferDecorator {
        FaultyTransfer(FaultyCommunicator& outer, std::unique_ptr<Transfer> inner)
            : TransferDecorator(outer, std::move(inner)), outer_(outer) {}

        void begin() override {
            if (outer_.starts_++ == outer_.which_) throw Fault();
            TransferDecorator::begin();
        }

        FaultyCommunicator& outer_;
    };

    Index which_, starts_ = 0;
};

/// Attention and its gradient, in which rank 1 throws at one of its starts; how many it had.
Index attend(const GradientInputs<float>& inputs, const Problem& problem, Strategy strategy, Index throwing_at) {
    const std::vector<Shard<float>> q = scatter(problem, inputs.q.view()), k = scatter(problem, inputs.k.view()),
                                    v = scatter(problem, inputs.v.view()), dout = scatter(problem, inputs.dout.view());
    Index starts = 0;
    ThreadWorld world(problem.ranks);
    run_ranks(world, [&](Communicator& inner) {
        const Index rank = inner.rank();
        FaultyCommunicator communicator(inner, rank == 1 ? throwing_at : -1);
        DistributedAttention<float> attention(communicator, problem, strategy,
                                              {q[rank].rows, k[rank].rows, v[rank].rows}, dout[rank].rows.view());
        attention.run();
        attention.run_gradient();
        if (rank == 1) starts = communicator.starts();
    });
    return starts;
}

TEST_CASE("an exception at any start of a transfer ends distributed attention, and is what is thrown") {
    Question asked{{1, 24, 4, 8}, 2, {{24, 8}, {1, 2}, Mode::mixture}};
    asked.configuration.ranks = 3;
    const GradientInputs<float> inputs(asked);
    for (const Strategy strategy : all_strategies) {
        CAPTURE(name(strategy));
        const Index starts = attend(inputs, inputs.problem, strategy, -1);
        CHECK(starts > 4); // those of the agreement, and some more
        for (Index n = 0; n < starts; ++n) CHECK_THROWS_AS(attend(inputs, inputs.problem, strategy, n), Fault);
    }
}

} // namespace
} // namespace dra::test
