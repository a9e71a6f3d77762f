#include "distributed/attention.hpp"
#include "distributed/backends/threads.hpp"
#include "distributed/decorator.hpp"
#include "reference/ring/shard.hpp"
#include "tests/distributed/strided_block.hpp"
#include "tests/distributed/thrown.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <thread>

namespace dra::test {
namespace {

using namespace distributed;
using namespace std::chrono_literals;

constexpr auto deadline = 200ms;

void sleep(Clock::duration duration) { std::this_thread::sleep_for(duration); }

/// Calls `alive` every few milliseconds, for as long as that.
template <class Alive> void compute(Clock::duration duration, Alive alive) {
    for (const Clock::time_point end = Clock::now() + duration; Clock::now() < end; sleep(5ms)) alive();
}

/// A message that a rank sends to another, or receives from it, in a transfer of its own.
struct OneMessage {
    StridedBlock block{8, 4, 2};
    std::unique_ptr<Transfer> transfer;

    OneMessage(Communicator& communicator, Index from, Index to, Index messages = 1) {
        Exchange exchange{"hop", 7, {}, {}};
        for (Index i = 0; i < messages; ++i)
            if (communicator.rank() == from)
                exchange.sends.push_back({to, block.rows()});
            else
                exchange.receives.push_back({from, block.mutable_rows()});
        transfer = communicator.transfer(std::move(exchange));
    }
    void exchange() const {
        transfer->start();
        transfer->wait();
    }
};

/// What every rank threw, where all of them play `rank` in a world of their own.
template <class Play> std::vector<std::optional<CommError>> errors_of(Index ranks, const Link& link, Play rank) {
    ThreadWorld world(ranks, link, deadline);
    return thrown(world, rank);
}

TEST_CASE("who is late beyond the deadline is suspected by who waits for it, and by who waits for who waits for it") {
    const auto errors = errors_of(3, {}, [](Communicator& communicator) {
        switch (communicator.rank()) {
        case 0: return OneMessage(communicator, 1, 0).exchange();
        case 1: // it begins to wait so late that rank 0 is the first to lose its patience
            compute(deadline / 2, [&] { communicator.show_life(); });
            OneMessage(communicator, 2, 1).exchange();
            return OneMessage(communicator, 1, 0).exchange();
        default: sleep(2 * deadline); return OneMessage(communicator, 2, 1).exchange();
        }
    });
    REQUIRE(std::ranges::all_of(errors, [](const auto& error) { return error.has_value(); }));
    const CommError::Facts &far = errors[0]->facts(), &near = errors[1]->facts();
    CHECK(far.peer == 1);
    CHECK(far.cause == "no sign of life within the deadline");
    CHECK(far.suspect == 2);
    CHECK(near.suspect == 2);
    CHECK(errors[2]->facts().suspect == 2); // it is told, too
}

TEST_CASE("who computes longer than the deadline is not shot down if it shows that it is alive") {
    const auto errors = errors_of(3, {}, [](Communicator& communicator) {
        switch (communicator.rank()) {
        case 0: return OneMessage(communicator, 1, 0).exchange();
        case 1: OneMessage(communicator, 2, 1).exchange(); return OneMessage(communicator, 1, 0).exchange();
        default: {
            const OneMessage late(communicator, 2, 1), other(communicator, 1, 2);
            compute(2 * deadline, [&] { communicator.show_life(); });
            other.transfer->start();
            compute(2 * deadline, [&] { other.transfer->advance(); }); // which nobody sends
            return late.exchange();
        }
        }
    });
    for (const auto& error : errors) CHECK_MESSAGE(!error, std::string(error->what()));
}

/// A communicator of a rank whose visits take long.
class SlowWork final : public CommunicatorDecorator {
public:
    using CommunicatorDecorator::CommunicatorDecorator;
    void spend(double) override { sleep(deadline / 3); }
};

TEST_CASE("a rank whose visits take longer than the deadline, though none alone does, is not shot down") {
    Question asked{{1, 8, 1, 2}, 1, {{8, 8, 8, 8, 8}, {1, 1, 2, 2, 4}, Mode::mixture}}; // five visits per place
    asked.configuration.ranks = 2;
    const GradientInputs<float> inputs(asked);
    const auto shards = [&](const Tensor<float>& whole) { return scatter(inputs.problem, whole.view()); };
    const auto q = shards(inputs.q), k = shards(inputs.k), v = shards(inputs.v), dout = shards(inputs.dout);
    const auto errors = errors_of(2, {}, [&](Communicator& communicator) {
        SlowWork slow(communicator);
        const Index rank = communicator.rank();
        DistributedAttention<float> attention(rank == 0 ? communicator : slow, inputs.problem, Strategy::segment_gather,
                                              {q[rank].rows, k[rank].rows, v[rank].rows}, dout[rank].rows.view());
        attention.run();
        attention.run_gradient();
    });
    for (const auto& error : errors) CHECK_MESSAGE(!error, std::string(error->what()));
}

TEST_CASE("ranks that begin to wait for each other have the whole deadline from the later one's beginning") {
    const Link slow{.latency = std::chrono::duration<double>(deadline / 2).count()};
    const auto errors = errors_of(2, slow, [](Communicator& communicator) {
        if (communicator.rank() == 1) compute(deadline * 9 / 10, [&] { communicator.show_life(); });
        OneMessage(communicator, 1, 0).exchange();
    });
    for (const auto& error : errors) CHECK_MESSAGE(!error, std::string(error->what()));
}

TEST_CASE("a message that arrives is a sign of life") {
    const Link slow{.bandwidth = 8 * 4 / std::chrono::duration<double>(deadline / 2).count()};
    const auto errors =
        errors_of(2, slow, [](Communicator& communicator) { OneMessage(communicator, 1, 0, 5).exchange(); });
    for (const auto& error : errors) CHECK_MESSAGE(!error, std::string(error->what()));
}

TEST_CASE("ranks that wait for each other in a circle end at the deadline") {
    constexpr Index ranks = 3;
    const Clock::time_point began = Clock::now();
    const auto errors = errors_of(ranks, {}, [](Communicator& communicator) {
        const Index rank = communicator.rank();
        OneMessage(communicator, (rank + 1) % ranks, rank).exchange();
    });
    const Clock::duration elapsed = Clock::now() - began;
    CHECK(elapsed >= deadline);
    CHECK(elapsed < 5 * deadline);
    Index impatient = 0; // who lost patience; the others are told
    for (const auto& error : errors) {
        REQUIRE(error);
        if (error->facts().cause != "no sign of life within the deadline") continue;
        CHECK(error->facts().suspect == (error->facts().rank + 1) % ranks);
        ++impatient;
    }
    CHECK(impatient >= 1);
}

TEST_CASE("the error says who waited for whom, in which step, since when, and what came before") {
    const auto errors = errors_of(2, {}, [](Communicator& communicator) {
        for (Index i = 0; i < 9; ++i) OneMessage(communicator, 0, 1).exchange();
        StridedBlock block(8, 4, 2);
        if (communicator.rank() == 0) return sleep(2 * deadline);
        const std::string longer(40, 'x');
        const std::unique_ptr<Transfer> lost = communicator.transfer({longer, 12, {}, {{0, block.mutable_rows()}}});
        lost->start();
        lost->wait();
    });
    REQUIRE(errors[1]);
    const auto& [rank, peer, suspect, step, operation, elapsed, cause, last_steps] = errors[1]->facts();
    CHECK(rank == 1);
    CHECK(peer == 0);
    CHECK(suspect == 0);
    CHECK(step == 12);
    CHECK(operation == std::string(40, 'x'));
    CHECK(elapsed >= deadline);
    CHECK(cause == "no sign of life within the deadline");
    std::vector<std::string> expected(8, "hop 7 done");
    expected.back() = std::string(31, 'x') + " 12 started";
    CHECK(last_steps == expected);
    const std::string said = errors[1]->what();
    for (const std::string& part : {std::string("rank 1, waiting for rank 0"), operation + " step 12", cause,
                                    std::string("suspect: rank 0"), expected.back()})
        CHECK_MESSAGE(said.find(part) != std::string::npos, said);
}

} // namespace
} // namespace dra::test
