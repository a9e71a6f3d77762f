#include "reference/ring/ring_attention.hpp"

#include "reference/ring/round.hpp"

namespace dra {

template <class T> std::vector<Rank<T>> attend_on_ring(const Problem& problem, Index first_pattern, Index last_pattern,
                                                       const std::vector<Shard<T>>& q, const KeyShards<T>& keys) {
    std::vector<Rank<T>> ranks;
    for (const Shard<T>& shard : q) ranks.emplace_back(problem, part_of(problem, shard), shard.rows);
    VisitWorkspace<T> workspace; // the ranks take turns
    go_round(problem, [&](std::size_t rank, std::size_t owner) {
        for (Index pattern = first_pattern; pattern < last_pattern; ++pattern)
            ranks[rank].attend(keys[owner], pattern, Queries::all(problem), workspace);
    });
    return ranks;
}

template <class T> Attention<T> ring_attention(const Problem& problem, const InputsView<T>& inputs) {
    Attention<T> result{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    const std::vector<Shard<T>> q = scatter(problem, inputs.q);
    std::vector<Shard<T>> outs;
    for (Rank<T>& rank : attend_on_ring(problem, 0, problem.patterns(), q, KeyShards<T>(problem, inputs))) {
        const std::vector<Interval>& intervals = q[outs.size()].intervals;
        gather(rank.lse, intervals, result.lse);
        outs.push_back({intervals, std::move(rank.out)});
    }
    gather<T>(outs, result.out);
    return result;
}

#define DRA_INSTANTIATE(T)                                                                                   \
    template std::vector<Rank<T>> attend_on_ring(const Problem&, Index, Index, const std::vector<Shard<T>>&, \
                                                 const KeyShards<T>&);                                       \
    template Attention<T> ring_attention(const Problem&, const InputsView<T>&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
