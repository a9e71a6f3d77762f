#include "benchmarks/speed/warm_ranks.hpp"

#include <algorithm>
#include <barrier>

namespace dra::benchmarks {

double warm_seconds(const Problem& problem, Strategy strategy, const distributed::Link& link, const InputShards& shards,
                    const Finish& finish) {
    using distributed::Clock;
    distributed::ThreadWorld world(problem.ranks, link, std::chrono::minutes(2));
    std::barrier all_warm(problem.ranks);
    std::vector<Clock::time_point> begins(shards.q.size()), ends(begins);
    distributed::run_ranks(world, [&](distributed::Communicator& communicator) {
        const Index rank = communicator.rank();
        std::optional<distributed::DistributedAttention<float>> attention;
        try {
            attention.emplace(communicator, problem, strategy,
                              InputsView<float>{shards.q[rank].rows, shards.k[rank].rows, shards.v[rank].rows});
            attention->run();
        } catch (...) {
            all_warm.arrive_and_drop(); // the others must not wait for ever
            throw;
        }
        all_warm.arrive_and_wait();
        begins[rank] = Clock::now();
        attention->run();
        ends[rank] = Clock::now();
        if (finish) finish(rank, *attention);
    });
    return std::chrono::duration<double>(*std::ranges::max_element(ends) - *std::ranges::min_element(begins)).count();
}

} // namespace dra::benchmarks
