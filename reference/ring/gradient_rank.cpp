#include "reference/ring/gradient_rank.hpp"

#include "reference/ring/visit.hpp"

namespace dra {
namespace {

/// Matrices (rows, D) of zeros, one below the other, in memory that grows.
template <class T> class Parts {
public:
    Parts(std::vector<T>& memory, Index count, Index rows, Index head_dim)
        : memory_(memory), rows_(rows), head_dim_(head_dim) {
        const auto size = static_cast<std::size_t>(count * rows * head_dim);
        memory_.resize(std::max(memory_.size(), size));
        std::fill_n(memory_.begin(), size, T(0));
    }

    MutableRows<T> operator[](Index i) const {
        return {memory_.data() + i * rows_ * head_dim_, rows_, head_dim_, Eigen::OuterStride<>(head_dim_)};
    }

private:
    std::vector<T>& memory_;
    Index rows_, head_dim_;
};

/// Rows that are only read.
template <class T> Rows<T> read_only(const MutableRows<T>& rows) {
    return {rows.data(), rows.rows(), rows.cols(), Eigen::OuterStride<>(rows.outerStride())};
}

/// What some queries of a rank see of the visiting keys.
template <class T> void add_visit(GradientRank<T>& rank, const Lse<Extended<T>>& delta, const SegmentVisit& visit,
                                  const VisitingGradients<T>& visiting, GradientVisitWorkspace<T>& workspace) {
    const auto& [b, g, heads, visibility, queries, keys] = visit;
    const Problem& problem = rank.problem;
    const Index D = problem.head_dim, kv_head = g - visiting.keys.part.heads.begin;
    const Parts<T> dq(workspace.dq, heads.size(), queries.count, D), dk(workspace.dk, 1, keys.count, D),
        dv(workspace.dv, 1, keys.count, D);
    const auto here = [&](Index h) { return h - rank.part.heads.begin; };
    workspace.heads.clear();
    for (Index h = heads.begin; h < heads.end; ++h)
        workspace.heads.push_back({rank.q.rows(b, here(h), queries),
                                   rank.dout.rows(b, here(h), queries),
                                   rank.lse.rows(b, here(h), queries),
                                   delta.rows(b, here(h), queries),
                                   dq[h - heads.begin],
                                   {problem, b, h}});
    attend_gradient<T>(workspace.heads, visiting.keys.k.rows(b, kv_head, keys), visiting.keys.v.rows(b, kv_head, keys),
                       visibility, static_cast<T>(problem.softmax_scale), {dk[0], dv[0]}, workspace.attend);
    const RunningGradient<T> rank_dq{rank.dq, rank.dq_lost};
    for (Index h = heads.begin; h < heads.end; ++h) rank_dq.add(b, here(h), queries, read_only<T>(dq[h - heads.begin]));
    visiting.dk.add(b, kv_head, keys, read_only<T>(dk[0]));
    visiting.dv.add(b, kv_head, keys, read_only<T>(dv[0]));
}

} // namespace

template <class T> GradientRank<T>::GradientRank(const Problem& asked, Part of_queries, TensorView<const T> rows,
                                                 TensorView<const T> dout_rows, const Lse<T>& lse_of_rows)
    : problem(asked), part(std::move(of_queries)), q(rows), dout(dout_rows), lse(lse_of_rows), dq(q.shape()),
      dq_lost(q.shape()), delta(static_cast<std::size_t>(delta_per_pattern(problem) ? problem.patterns() : 1),
                                Lse<Extended<T>>(problem.batch, q.shape().heads, q.shape().tokens)) {
    clear();
}

template <class T> void GradientRank<T>::clear() {
    dq.flat().setZero();
    dq_lost.flat().setZero();
}

template <class T>
void GradientRank<T>::find_delta(Index i, TensorView<const T> out, GradientVisitWorkspace<T>& workspace) {
    const Shape& shape = q.shape();
    if (shape.tokens == 0) return;
    for (Index b = 0; b < shape.batch; ++b)
        for (Index h = 0; h < shape.heads; ++h)
            weighted_mean_gradient<T>(dout.rows(b, h), out.rows(b, h), delta[i].rows(b, h, {0, 1, shape.tokens}),
                                      workspace.attend);
}

template <class T>
void GradientRank<T>::add(const VisitingGradients<T>& visiting, GradientVisitWorkspace<T>& workspace) {
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        add(visiting, pattern, Queries::all(problem), workspace);
}

template <class T> void GradientRank<T>::add(const VisitingGradients<T>& visiting, Index pattern, const Queries& asking,
                                             GradientVisitWorkspace<T>& workspace) {
    const Lse<Extended<T>>& of_pattern = delta[std::min<Index>(pattern, std::ssize(delta) - 1)];
    for_each_segment_visit(problem, pattern, part, asking, visiting.keys.part, [&](const SegmentVisit& visit) {
        add_visit(*this, of_pattern, visit, visiting, workspace);
    });
}

template struct GradientRank<float>;
template struct GradientRank<double>;

} // namespace dra
