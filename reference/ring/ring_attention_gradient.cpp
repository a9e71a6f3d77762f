#include "reference/ring/ring_attention_gradient.hpp"

#include "reference/attention/gradient.hpp"
#include "reference/attention/running_sum.hpp"
#include "reference/attention/wide_sums.hpp"
#include "reference/ring/round.hpp"
#include "reference/ring/visit.hpp"

namespace dra {
namespace {

/// delta of the rows of a shard, [B, H, local tokens].
template <class T> Lse<Wide<T>> find_delta(const Problem& problem, const Shard<T>& dout, const Shard<T>& out) {
    const Index tokens = out.rows.shape().tokens;
    Lse<Wide<T>> delta(problem.batch, problem.heads, tokens);
    if (tokens == 0) return delta;
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h)
            weighted_mean_gradient<T>(dout.rows.view().rows(b, h), out.rows.view().rows(b, h),
                                      delta.rows(b, h, {0, 1, tokens}));
    return delta;
}

/// A gradient of the tokens of a shard, and what its roundings lost.
template <class T> struct ShardSum {
    Shard<T> sum;
    Tensor<T> lost{sum.rows.shape(), T(0)};

    void add(Index b, Index h, const Positions& rows, const RowMajor<T>& part) {
        dra::add<T>(sum.rows.view().rows(b, h, rows), lost.view().rows(b, h, rows), part);
    }
};

/// What one rank keeps: its own tokens of what it was given, and of dq.
template <class T> struct GradientRank {
    Shard<T> q, dout;
    ShardSum<T> dq;
    Lse<T> lse;                      ///< [B, H, local tokens]
    std::vector<Lse<Wide<T>>> delta; ///< of each pattern where mixing is stopped, else one of all
};

/// What travels.
template <class T> struct Visitor {
    Shard<T> k, v;
    ShardSum<T> dk, dv;
};

/// All rows of a matrix, as attend_gradient takes them.
template <class T> MutableRows<T> all_rows(RowMajor<T>& x) {
    return {x.data(), x.rows(), x.cols(), Eigen::OuterStride<>(x.cols())};
}

/// Adds what one rank's queries bring under a pattern to their dq, and to dk, dv of the shard that it holds.
template <class T> void add_gradients(const Problem& problem, Index pattern, GradientRank<T>& rank, Visitor<T>& holds,
                                      AttendGradientWorkspace<T>& workspace) {
    const TensorView<const T> q = rank.q.rows, dout = rank.dout.rows, k = holds.k.rows, v = holds.v.rows;
    const Lse<T>& lse = rank.lse;
    const Lse<Wide<T>>& delta = rank.delta[std::min(static_cast<std::size_t>(pattern), rank.delta.size() - 1)];
    for_each_visit(problem, pattern, rank.q.intervals, holds.k.intervals, [&](const Visit& visit) {
        const auto& [b, g, visibility, queries, keys] = visit;
        const Index first = g * problem.group_size();
        std::vector<RowMajor<T>> dq(static_cast<std::size_t>(problem.group_size()),
                                    RowMajor<T>::Zero(queries.count, problem.head_dim));
        RowMajor<T> dk = RowMajor<T>::Zero(keys.count, problem.head_dim), dv = dk;
        std::vector<GradientHead<T>> heads;
        for (Index h = first; h < first + problem.group_size(); ++h)
            heads.push_back({q.rows(b, h, queries),
                             dout.rows(b, h, queries),
                             lse.rows(b, h, queries),
                             delta.rows(b, h, queries),
                             all_rows(dq[static_cast<std::size_t>(h - first)]),
                             {problem, b, h}});
        attend_gradient<T>(heads, k.rows(b, g, keys), v.rows(b, g, keys), visibility,
                           static_cast<T>(problem.softmax_scale), all_rows(dk), all_rows(dv), workspace);
        for (Index h = first; h < first + problem.group_size(); ++h)
            rank.dq.add(b, h, queries, dq[static_cast<std::size_t>(h - first)]);
        holds.dk.add(b, g, keys, dk);
        holds.dv.add(b, g, keys, dv);
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
    const bool stopped = problem.mode == Mode::mixture && problem.stop_gradient_mixing;
    std::vector<GradientRank<T>> ranks;
    std::vector<Visitor<T>> visitors;
    for (std::size_t p = 0; p < own_q.size(); ++p) {
        Lse<T> lse = scatter(result.lse, own_q[p].intervals);
        ranks.push_back({std::move(own_q[p]), std::move(own_dout[p]), {std::move(dq[p])}, std::move(lse), {}});
        if (!stopped) ranks.back().delta.push_back(find_delta(problem, ranks.back().dout, own_out[p]));
        visitors.push_back(
            {std::move(visiting_k[p]), std::move(visiting_v[p]), {std::move(dk[p])}, {std::move(dv[p])}});
    }
    if (stopped)
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
            const std::vector<Rank<T>> alone = attend_on_ring(problem, pattern, pattern + 1, q, k, v);
            for (std::size_t p = 0; p < ranks.size(); ++p)
                ranks[p].delta.push_back(find_delta(problem, ranks[p].dout, alone[p].out));
        }

    AttendGradientWorkspace<T> workspace; // the ranks take turns
    go_round(problem, [&](std::size_t rank, std::size_t owner) {
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
            add_gradients(problem, pattern, ranks[rank], visitors[owner], workspace);
    });

    const auto join = [](auto& holders, ShardSum<T> std::remove_reference_t<decltype(holders[0])>::*part,
                         Tensor<T>& to) {
        std::vector<Shard<T>> shards;
        for (auto& holder : holders) shards.push_back(std::move((holder.*part).sum));
        gather<T>(shards, to);
    };
    join(ranks, &GradientRank<T>::dq, gradients.dq);
    join(visitors, &Visitor<T>::dk, gradients.dk);
    join(visitors, &Visitor<T>::dv, gradients.dv);
    if (!stopped)
        kernel::WideSums<T>{problem, q, k, v, result.out, dout, result.lse}.mend(gradients.dq, gradients.dk,
                                                                                 gradients.dv);
    return gradients;
}

#define DRA_INSTANTIATE(T)                                                                                  \
    template Gradients<T> ring_attention_gradient(const Problem&, TensorView<const T>, TensorView<const T>, \
                                                  TensorView<const T>, const Attention<T>&, TensorView<const T>);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
