#include "distributed/communicator.hpp"
#include "distributed/backends/threads.hpp"
#include "tests/distributed/strided_block.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <deque>

namespace dra::test {
namespace {

using namespace distributed;

/// A message of every run and pair of ranks, by number.
Index message(Index run, Index from, Index to) { return (run * 8 + from) * 8 + to; }

/// Rows of the message from a rank to another, as its sender cuts it: every pair has a size of its own.
StridedBlock sent_rows(Index from, Index to) { return {2 * (from + 3 * to), 6, 3 + from}; }

/// The same bytes in other rows, as its receiver cuts it.
StridedBlock received_rows(Index from, Index to) { return {from + 3 * to, 12, to}; }

/// What a rank exchanges with all others: what it sends, and where it receives.
struct AllToAll {
    std::deque<StridedBlock> sent, received; ///< by peer
    Exchange exchange{"all to all", 0, {}, {}};

    AllToAll(Index rank, Index ranks) {
        for (Index peer = 0; peer < ranks; ++peer) {
            sent.push_back(sent_rows(rank, peer));
            received.push_back(received_rows(peer, rank));
            if (peer == rank) continue;
            exchange.sends.push_back({peer, sent.back().rows()});
            exchange.receives.push_back({peer, received.back().mutable_rows()});
        }
    }
};

TEST_CASE("an unequal strided exchange brings the bytes however either side cuts them, in each of 20 runs, R = 1..8") {
    constexpr Index runs = 20;
    for (Index ranks = 1; ranks <= 8; ++ranks) {
        std::atomic<Index> right = 0;
        ThreadWorld world(ranks);
        run_ranks(world, [&](Communicator& communicator) {
            const Index rank = communicator.rank();
            AllToAll all(rank, ranks);
            const std::unique_ptr<Transfer> transfer = communicator.transfer(all.exchange);
            for (Index run = 0; run < runs; ++run) {
                for (Index peer = 0; peer < ranks; ++peer) all.sent[peer].fill(message(run, rank, peer));
                transfer->start();
                transfer->wait();
                for (Index peer = 0; peer < ranks; ++peer)
                    right += peer != rank && all.received[peer].holds(message(run, peer, rank));
            }
        });
        CHECK(right == runs * ranks * (ranks - 1));
    }
}

TEST_CASE("traffic is what was listed, peer by peer, of the runs that ended") {
    constexpr Index ranks = 5, runs = 3;
    std::vector<std::vector<Traffic>> counted(ranks), after_reset(ranks);
    ThreadWorld world(ranks);
    run_ranks(world, [&](Communicator& communicator) {
        AllToAll all(communicator.rank(), ranks);
        const std::unique_ptr<Transfer> transfer = communicator.transfer(all.exchange);
        for (Index run = 0; run < runs; ++run) {
            transfer->start();
            while (!transfer->advance()) {
            }
            transfer->wait();
        }
        counted[communicator.rank()] = {communicator.traffic().begin(), communicator.traffic().end()};
        communicator.reset_traffic();
        after_reset[communicator.rank()] = {communicator.traffic().begin(), communicator.traffic().end()};
    });
    for (Index rank = 0; rank < ranks; ++rank)
        for (Index peer = 0; peer < ranks; ++peer) {
            const Index sent = 12 * (rank + 3 * peer), received = 12 * (peer + 3 * rank);
            const Traffic expected = peer == rank ? Traffic{} : Traffic{runs * sent, runs * received, runs, runs};
            CHECK(counted[rank][peer] == expected);
            CHECK(after_reset[rank][peer] == Traffic{});
        }
}

TEST_CASE("messages of the same two ranks match in the order in which both list them") {
    constexpr Index messages = 3;
    std::atomic<Index> right = 0;
    ThreadWorld world(2);
    run_ranks(world, [&](Communicator& communicator) {
        const Index rank = communicator.rank();
        std::deque<StridedBlock> blocks;
        std::vector<std::unique_ptr<Transfer>> transfers;
        for (Index number = 0; number < 2; ++number) { // of two transfers under way at once
            Exchange exchange{"numbers", number, {}, {}};
            for (Index i = 0; i < messages; ++i) {
                StridedBlock& block = blocks.emplace_back(4, 5, rank);
                if (rank == 0)
                    block.fill(number * messages + i), exchange.sends.push_back({1, block.rows()});
                else
                    exchange.receives.push_back({0, block.mutable_rows()});
            }
            transfers.push_back(communicator.transfer(std::move(exchange)));
        }
        for (const auto& transfer : transfers) transfer->start();
        for (const Index number : {1, 0}) transfers[number]->wait(); // whoever waits for which first
        for (Index i = 0; i < std::ssize(blocks); ++i) right += blocks[i].holds(i);
    });
    CHECK(right == 2 * 2 * messages);
}

TEST_CASE("sizes that differ are named on both sides") {
    std::vector<std::string> said(2);
    ThreadWorld world(2);
    run_ranks(world, [&](Communicator& communicator) {
        StridedBlock block(communicator.rank() == 0 ? 3 : 5, 4, 1);
        Exchange exchange{"rows", 0, {}, {}};
        if (communicator.rank() == 0)
            exchange.sends.push_back({1, block.rows()});
        else
            exchange.receives.push_back({0, block.mutable_rows()});
        const std::unique_ptr<Transfer> transfer = communicator.transfer(std::move(exchange));
        transfer->start();
        try {
            transfer->wait();
        } catch (const CommError& error) {
            said[communicator.rank()] = error.what();
        }
    });
    for (const std::string& text : said) {
        CAPTURE(text);
        CHECK(text.find("rank 0 sends 12 bytes, rank 1 expects 20") != std::string::npos);
    }
}

} // namespace
} // namespace dra::test
