#include "reference/ring/ring_attention_gradient.hpp"

#include "reference/attention/extended_sums.hpp"
#include "reference/ring/gradient_rank.hpp"
#include "reference/ring/round.hpp"

namespace dra {
namespace {

/// The gradients that travel with a shard of keys and values.
template <class T> struct TravellingGradients {
    Tensor<T> dk, dv, dk_lost, dv_lost;

    explicit TravellingGradients(const Shape& shape) : dk(shape, T(0)), dv(dk), dk_lost(dk), dv_lost(dk) {}
};

/// Puts one tensor of all that have a part of it together again.
template <class T, class Holder, class Part>
void join(std::vector<Holder>& holders, Part part, const std::vector<Shard<T>>& like, Tensor<T>& to) {
    std::vector<Shard<T>> shards;
    for (std::size_t p = 0; p < holders.size(); ++p) shards.push_back({like[p].intervals, std::move(holders[p].*part)});
    gather<T>(shards, to);
}

} // namespace

template <class T> Gradients<T> ring_attention_gradient(const Problem& problem, const InputsView<T>& inputs,
                                                        const AttentionView<const T>& result,
                                                        TensorView<const T> dout) {
    const std::vector<Shard<T>> q = scatter(problem, inputs.q), own_dout = scatter(problem, dout),
                                own_out = scatter(problem, result.out);
    const KeyShards<T> keys(problem, inputs);
    std::vector<Lse<T>> lse;
    for (const Shard<T>& shard : q) lse.push_back(scatter(result.lse, shard.intervals));
    std::vector<GradientRank<T>> ranks;
    std::vector<TravellingGradients<T>> travelling;
    for (std::size_t p = 0; p < q.size(); ++p) {
        ranks.emplace_back(problem, part_of(problem, q[p]), q[p].rows, own_dout[p].rows, lse[p]);
        if (!delta_per_pattern(problem)) ranks[p].find_delta(0, own_out[p].rows);
        travelling.emplace_back(keys.k[p].rows.shape());
    }
    for (Index pattern = 0; delta_per_pattern(problem) && pattern < problem.patterns(); ++pattern) {
        const std::vector<Rank<T>> alone = attend_on_ring(problem, pattern, pattern + 1, q, keys);
        for (std::size_t p = 0; p < ranks.size(); ++p) ranks[p].find_delta(pattern, alone[p].out);
    }

    GradientVisitWorkspace<T> workspace; // the ranks take turns
    go_round(problem, [&](std::size_t rank, std::size_t owner) {
        TravellingGradients<T>& with = travelling[owner];
        ranks[rank].add({keys[owner], {with.dk, with.dk_lost}, {with.dv, with.dv_lost}}, workspace);
    });

    Gradients<T> gradients{Tensor<T>(problem.q_shape()), Tensor<T>(problem.kv_shape()), Tensor<T>(problem.kv_shape())};
    join(ranks, &GradientRank<T>::dq, q, gradients.dq);
    join(travelling, &TravellingGradients<T>::dk, keys.k, gradients.dk);
    join(travelling, &TravellingGradients<T>::dv, keys.v, gradients.dv);
    if (!delta_per_pattern(problem)) kernel::ExtendedSums<T>{problem, inputs, result, dout}.mend(gradients);
    return gradients;
}

#define DRA_INSTANTIATE(T)                                                                                             \
    template Gradients<T> ring_attention_gradient(const Problem&, const InputsView<T>&, const AttentionView<const T>&, \
                                                  TensorView<const T>);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
