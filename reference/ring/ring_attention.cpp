#include "reference/ring/ring_attention.hpp"

#include "reference/ring/round.hpp"

namespace dra {

template <class T> std::vector<Rank<T>> attend_on_ring(const Problem& problem, Index first_pattern, Index last_pattern,
                                                       const InputsView<T>& inputs) {
    std::vector<Rank<T>> ranks;
    for (Shard<T>& shard : scatter(problem, inputs.q)) ranks.emplace_back(problem, std::move(shard));
    const std::vector<Shard<T>> all_k = scatter(problem, inputs.k), all_v = scatter(problem, inputs.v);
    AttendWorkspace<T> workspace; // the ranks take turns
    go_round(problem, [&](std::size_t rank, std::size_t owner) {
        const VisitingKeys<T> keys{all_k[owner].intervals, all_k[owner].rows, all_v[owner].rows};
        for (Index pattern = first_pattern; pattern < last_pattern; ++pattern)
            ranks[rank].attend(keys, pattern, workspace);
    });
    return ranks;
}

template <class T> Attention<T> ring_attention(const Problem& problem, const InputsView<T>& inputs) {
    Attention<T> result{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    std::vector<Shard<T>> outs;
    for (Rank<T>& rank : attend_on_ring(problem, 0, problem.patterns(), inputs)) {
        gather(rank.lse, rank.out.intervals, result.lse);
        outs.push_back(std::move(rank.out));
    }
    gather<T>(outs, result.out);
    return result;
}

#define DRA_INSTANTIATE(T)                                                                            \
    template std::vector<Rank<T>> attend_on_ring(const Problem&, Index, Index, const InputsView<T>&); \
    template Attention<T> ring_attention(const Problem&, const InputsView<T>&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
