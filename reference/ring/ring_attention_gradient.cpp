#include "reference/ring/ring_attention_gradient.hpp"

#include "reference/attention/gradient.hpp"
#include "reference/ring/rank.hpp"
#include "reference/ring/visit.hpp"

namespace dra {
namespace {

/// delta of the rows of a shard, [B, H, local tokens].
template <class T> Lse<T> find_delta(const Problem& problem, const Shard<T>& dout, const Shard<T>& out) {
    const Index tokens = out.rows.shape().tokens;
    Lse<T> delta(problem.batch, problem.heads, tokens);
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h)
            weighted_mean_gradient<T>(dout.rows.view().rows(b, h), out.rows.view().rows(b, h),
                                      delta.rows(b, h, {0, 1, tokens}));
    return delta;
}

/// What one rank keeps: its own tokens of what it was given, and of dq.
template <class T> struct GradientRank {
    Shard<T> q, dout, dq;
    Lse<T> lse;                ///< [B, H, local tokens]
    std::vector<Lse<T>> delta; ///< of each pattern
};

/// What travels.
template <class T> struct Visitor { Shard<T> k, v, dk, dv; };

/// Adds what one rank's queries bring under a pattern to their dq, and to dk, dv of the shard that it holds.
template <class T> void add_gradients(const Problem& problem, Index pattern, GradientRank<T>& rank, Visitor<T>& holds,
                                      AttendGradientWorkspace<T>& workspace) {
    const TensorView<const T> q = rank.q.rows, dout = rank.dout.rows, k = holds.k.rows, v = holds.v.rows;
    const TensorView<T> dq = rank.dq.rows, dk = holds.dk.rows, dv = holds.dv.rows;
    const Lse<T>&lse = rank.lse, &delta = rank.delta[static_cast<std::size_t>(pattern)];
    std::vector<GradientHead<T>> heads;
    for_each_visit(problem, pattern, rank.q.intervals, holds.k.intervals, [&](const Visit& visit) {
        const auto& [b, g, visibility, queries, keys] = visit;
        heads.clear();
        for (Index h = g * problem.group_size(); h < (g + 1) * problem.group_size(); ++h)
            heads.push_back({q.rows(b, h, queries),
                             dout.rows(b, h, queries),
                             lse.rows(b, h, queries),
                             delta.rows(b, h, queries),
                             dq.rows(b, h, queries),
                             {problem, b, h}});
        attend_gradient<T>(heads, k.rows(b, g, keys), v.rows(b, g, keys), visibility,
                           static_cast<T>(problem.softmax_scale), dk.rows(b, g, keys), dv.rows(b, g, keys), workspace);
    });
}

} // namespace

template <class T> Gradients<T> ring_attention_gradient(const Problem& problem, TensorView<const T> q,
                                                        TensorView<const T> k, TensorView<const T> v,
                                                        const Attention<T>& result, TensorView<const T> dout) {
    const auto cut = [&](TensorView<const T> x) { return scatter(problem, x); };
    Gradients<T> gradients{{problem.q_shape(), T(0)}, {problem.kv_shape(), T(0)}, {problem.kv_shape(), T(0)}};
    std::vector<Shard<T>> own_q = cut(q), own_dout = cut(dout), own_out = cut(result.out), dq = cut(gradients.dq),
                          visiting_k = cut(k), visiting_v = cut(v), dk = cut(gradients.dk), dv = cut(gradients.dv);
    std::vector<GradientRank<T>> ranks;
    std::vector<Visitor<T>> visitors;
    for (std::size_t p = 0; p < own_q.size(); ++p) {
        const Lse<T> delta = find_delta(problem, own_dout[p], own_out[p]);
        const Lse<T> lse = scatter(result.lse, own_q[p].intervals);
        ranks.push_back({std::move(own_q[p]), std::move(own_dout[p]), std::move(dq[p]), lse,
                         std::vector(static_cast<std::size_t>(problem.patterns()), delta)});
        visitors.push_back({std::move(visiting_k[p]), std::move(visiting_v[p]), std::move(dk[p]), std::move(dv[p])});
    }
    if (problem.mode == Mode::mixture && problem.stop_gradient_mixing)
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
            const std::vector<Rank<T>> alone = attend_on_ring(problem, pattern, pattern + 1, q, k, v);
            for (std::size_t p = 0; p < ranks.size(); ++p)
                ranks[p].delta[static_cast<std::size_t>(pattern)] = find_delta(problem, ranks[p].dout, alone[p].out);
        }

    AttendGradientWorkspace<T> workspace; // the ranks take turns
    go_round(
        problem,
        [&](std::size_t rank) {
            for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
                add_gradients(problem, pattern, ranks[rank], visitors[rank], workspace);
        },
        [&] { hand_on(visitors); });

    const auto join = [](auto& holders, Shard<T> std::remove_reference_t<decltype(holders[0])>::*part, Tensor<T>& to) {
        std::vector<Shard<T>> shards;
        for (auto& holder : holders) shards.push_back(std::move(holder.*part));
        gather<T>(shards, to);
    };
    join(ranks, &GradientRank<T>::dq, gradients.dq);
    join(visitors, &Visitor<T>::dk, gradients.dk);
    join(visitors, &Visitor<T>::dv, gradients.dv);
    return gradients;
}

#define DRA_INSTANTIATE(T)                                                                                  \
    template Gradients<T> ring_attention_gradient(const Problem&, TensorView<const T>, TensorView<const T>, \
                                                  TensorView<const T>, const Attention<T>&, TensorView<const T>);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
