#include "reference/ring/ring_attention_gradient.hpp"

#include "reference/attention/extended_sums.hpp"
#include "reference/ring/gradient_rank.hpp"
#include "reference/ring/round.hpp"

namespace dra {
namespace {

/// What travels.
template <class T> struct Visitor {
    Shard<T> k, v, dk, dv;
    Tensor<T> dk_lost{dk.rows.shape(), T(0)}, dv_lost{dv.rows.shape(), T(0)};

    VisitingGradients<T> visiting() { return {{k.intervals, k.rows, v.rows}, {dk.rows, dk_lost}, {dv.rows, dv_lost}}; }
};

/// Puts one tensor of all that have a part of it together again.
template <class T, class Holder> void join(std::vector<Holder>& holders, Shard<T> Holder::*part, Tensor<T>& to) {
    std::vector<Shard<T>> shards;
    for (Holder& holder : holders) shards.push_back(std::move(holder.*part));
    gather<T>(shards, to);
}

} // namespace

template <class T> Gradients<T> ring_attention_gradient(const Problem& problem, const InputsView<T>& inputs,
                                                        const AttentionView<const T>& result,
                                                        TensorView<const T> dout) {
    const auto cut = [&](TensorView<const T> x) { return scatter(problem, x); };
    Gradients<T> gradients{{problem.q_shape(), T(0)}, {problem.kv_shape(), T(0)}, {problem.kv_shape(), T(0)}};
    std::vector<Shard<T>> own_q = cut(inputs.q), own_dout = cut(dout), own_out = cut(result.out), all_k = cut(inputs.k),
                          all_v = cut(inputs.v), dk = cut(gradients.dk), dv = cut(gradients.dv);
    const bool stopped = problem.mode == Mode::mixture && problem.stop_gradient_mixing;
    std::vector<GradientRank<T>> ranks;
    std::vector<Visitor<T>> visitors;
    for (std::size_t p = 0; p < own_q.size(); ++p) {
        Lse<T> lse = scatter(result.lse, own_q[p].intervals);
        ranks.emplace_back(problem, std::move(own_q[p]), std::move(own_dout[p]), std::move(lse));
        if (!stopped) ranks.back().find_delta(own_out[p]);
        visitors.push_back({std::move(all_k[p]), std::move(all_v[p]), std::move(dk[p]), std::move(dv[p])});
    }
    if (stopped)
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
            const std::vector<Rank<T>> alone = attend_on_ring(problem, pattern, pattern + 1, inputs);
            for (std::size_t p = 0; p < ranks.size(); ++p) ranks[p].find_delta(alone[p].out);
        }

    AttendGradientWorkspace<T> workspace; // the ranks take turns
    go_round(problem,
             [&](std::size_t rank, std::size_t owner) { ranks[rank].add(visitors[owner].visiting(), workspace); });

    join(ranks, &GradientRank<T>::dq, gradients.dq);
    join(visitors, &Visitor<T>::dk, gradients.dk);
    join(visitors, &Visitor<T>::dv, gradients.dv);
    if (!stopped) kernel::ExtendedSums<T>{problem, inputs, result, dout}.mend(gradients);
    return gradients;
}

#define DRA_INSTANTIATE(T)                                                                                             \
    template Gradients<T> ring_attention_gradient(const Problem&, const InputsView<T>&, const AttentionView<const T>&, \
                                                  TensorView<const T>);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
