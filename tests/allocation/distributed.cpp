#include "benchmarks/measuring/allocations.hpp"
#include "distributed/attention.hpp"
#include "distributed/backends/threads.hpp"
#include "distributed/decorator.hpp"
#include "reference/definition/random.hpp"
#include "reference/ring/shard.hpp"

#include <doctest/doctest.h>

#include <atomic>

namespace dra {
namespace {

using namespace distributed;

/// A communicator that counts the transfers that it makes.
class CountingCommunicator final : public CommunicatorDecorator {
public:
    CountingCommunicator(Communicator& inner, std::atomic<Index>& made) : CommunicatorDecorator(inner), made_(made) {}

    std::unique_ptr<Transfer> transfer(Exchange exchange) override {
        ++made_;
        return CommunicatorDecorator::transfer(std::move(exchange));
    }

private:
    std::atomic<Index>& made_;
};

/// What all ranks together ask for.
struct Figures {
    std::int64_t first = 0, later = 0;         ///< allocations of the first run of both passes, and of two more
    Index transfers_before = 0, transfers = 0; ///< that were made before any run, and in all of them
};

template <class T> Figures figures_of(Strategy strategy, const Problem& problem) {
    const auto shards = [&](Shape shape, std::uint64_t seed) {
        const Tensor<T> whole = random_normal<T>(shape, seed);
        return scatter(problem, whole.view());
    };
    const auto q = shards(problem.q_shape(), 1), k = shards(problem.kv_shape(), 2), v = shards(problem.kv_shape(), 3),
               dout = shards(problem.q_shape(), 4);
    Figures figures;
    std::atomic<Index> transfers = 0, before = 0;
    ThreadWorld world(problem.ranks);
    run_ranks(world, [&](Communicator& inner) {
        CountingCommunicator communicator(inner, transfers);
        const Index rank = inner.rank();
        DistributedAttention<T> attention(communicator, problem, strategy, {q[rank].rows, k[rank].rows, v[rank].rows},
                                          dout[rank].rows.view());
        // Rank 0 counts what all do between two meetings.
        Exchange with_all{"meeting", 0, {}, {}};
        for (Index peer = 0; peer < problem.ranks; ++peer)
            if (peer != rank) with_all.sends.push_back({peer, {}}), with_all.receives.push_back({peer, {}});
        const std::unique_ptr<Transfer> meeting = communicator.transfer(with_all);
        const auto meet = [&] {
            meeting->start();
            meeting->wait();
        };
        std::optional<benchmarks::AllocationCount> count;
        for (std::int64_t* number : {&figures.first, &figures.later}) {
            meet();
            if (rank == 0) before = figures.transfers_before = transfers.load(), count.emplace();
            meet();
            for (int run = 0; run < (number == &figures.first ? 1 : 2); ++run) {
                attention.run();
                attention.run_gradient();
            }
            meet();
            if (rank == 0) *number = count->stop().number, figures.transfers += transfers - before;
            meet(); // nobody ends before
        }
    });
    return figures;
}

TEST_CASE_TEMPLATE("a run of distributed attention after the first allocates nothing, and none makes a transfer", T,
                   float, double) {
    for (const Strategy strategy : all_strategies)
        for (const bool causal : {false, true})
            for (const bool constant : {false, true}) { // mixing weights
                const TensorInfo queries{DType::f32, {2, 96, 4, 8}}, keys{DType::f32, {2, 96, 2, 8}};
                const Problem problem = validate({.segment_lengths = {96, 24},
                                                  .dilation_rates = {3, 1},
                                                  .mode = Mode::mixture,
                                                  .causal = causal,
                                                  .ranks = 3,
                                                  .layout = causal ? Layout::zigzag : Layout::contiguous,
                                                  .stop_gradient_mixing = constant},
                                                 {queries, keys, keys, {}});
                const Figures figures = figures_of<T>(strategy, problem);
                CAPTURE(name(strategy));
                CHECK(figures.first > 0); // the workspace grows
                CHECK(figures.later == 0);
                CHECK(figures.transfers_before > 0);
                CHECK(figures.transfers == 0);
            }
}

} // namespace
} // namespace dra
