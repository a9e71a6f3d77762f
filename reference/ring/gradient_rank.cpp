#include "reference/ring/gradient_rank.hpp"

#include "reference/ring/visit.hpp"

namespace dra {
namespace {

/// All rows of a matrix, as attend_gradient takes them.
template <class T> MutableRows<T> all_rows(RowMajor<T>& x) {
    return {x.data(), x.rows(), x.cols(), Eigen::OuterStride<>(x.cols())};
}

/// What some queries of a rank see of the visiting keys.
template <class T> void add_visit(GradientRank<T>& rank, const Lse<Extended<T>>& delta, const Visit& visit,
                                  const VisitingGradients<T>& visiting, AttendGradientWorkspace<T>& workspace) {
    const auto& [b, g, visibility, queries, keys] = visit;
    const Problem& problem = rank.problem;
    const TensorView<const T> q = rank.q.rows, dout = rank.dout.rows;
    const Lse<T>& lse = rank.lse;
    const Index first = g * problem.query_heads_per_kv_head();
    std::vector<RowMajor<T>> dq(static_cast<std::size_t>(problem.query_heads_per_kv_head()),
                                RowMajor<T>::Zero(queries.count, problem.head_dim));
    RowMajor<T> dk = RowMajor<T>::Zero(keys.count, problem.head_dim), dv = dk;
    std::vector<GradientHead<T>> heads;
    for (Index h = first; RowMajor<T> & head_dq : dq) {
        heads.push_back({q.rows(b, h, queries),
                         dout.rows(b, h, queries),
                         lse.rows(b, h, queries),
                         delta.rows(b, h, queries),
                         all_rows(head_dq),
                         {problem, b, h}});
        ++h;
    }
    attend_gradient<T>(heads, visiting.keys.k.rows(b, g, keys), visiting.keys.v.rows(b, g, keys), visibility,
                       static_cast<T>(problem.softmax_scale), {all_rows(dk), all_rows(dv)}, workspace);
    const RunningGradient<T> rank_dq{rank.dq.rows, rank.dq_lost};
    for (Index h = first; const RowMajor<T>& head_dq : dq) rank_dq.add(b, h++, queries, head_dq);
    visiting.dk.add(b, g, keys, dk);
    visiting.dv.add(b, g, keys, dv);
}

} // namespace

template <class T>
GradientRank<T>::GradientRank(const Problem& asked, Shard<T> own_queries, Shard<T> own_dout, Lse<T> own_lse)
    : problem(asked), q(std::move(own_queries)),
      dout(std::move(own_dout)), dq{q.intervals, Tensor<T>(q.rows.shape(), T(0))}, dq_lost(q.rows.shape(), T(0)),
      lse(std::move(own_lse)) {}

template <class T> void GradientRank<T>::find_delta(const Shard<T>& out) {
    const Index tokens = out.rows.shape().tokens;
    Lse<Extended<T>>& found = delta.emplace_back(problem.batch, problem.heads, tokens);
    if (tokens == 0) return;
    for (Index b = 0; b < problem.batch; ++b)
        for (Index h = 0; h < problem.heads; ++h)
            weighted_mean_gradient<T>(std::as_const(dout.rows).view().rows(b, h), out.rows.view().rows(b, h),
                                      found.rows(b, h, {0, 1, tokens}));
}

template <class T>
void GradientRank<T>::add(const VisitingGradients<T>& visiting, AttendGradientWorkspace<T>& workspace) {
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Lse<Extended<T>>& of_pattern = delta[std::min<Index>(pattern, std::ssize(delta) - 1)];
        for_each_visit(problem, pattern, q.intervals, visiting.keys.intervals,
                       [&](const Visit& visit) { add_visit(*this, of_pattern, visit, visiting, workspace); });
    }
}

template struct GradientRank<float>;
template struct GradientRank<double>;

} // namespace dra
