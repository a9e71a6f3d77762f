#include "reference/ring/rank.hpp"

#include "reference/ring/visit.hpp"

namespace dra {
namespace {

/// Where head i of a visit's partials is kept, each below the one before.
template <class T> Partial<T> partial(VisitWorkspace<T>& workspace, Index i, Index rows, Index head_dim) {
    return {{workspace.out.data() + i * rows * head_dim, rows, head_dim, Eigen::OuterStride<>(head_dim)},
            {workspace.lse.data() + i * rows, rows, Eigen::InnerStride<>(1)}};
}

/// The running result of some rows of a head of a rank.
template <class T> RunningPartial<T> running_partial(Rank<T>& rank, Index b, Index head, const Positions& rows) {
    return {{rank.out.view().rows(b, head, rows), rank.lse.rows(b, head, rows)},
            {rank.out_lost.view().rows(b, head, rows), rank.lse_lost.rows(b, head, rows)}};
}

} // namespace

template <class T> Rank<T>::Rank(const Problem& asked, Part of_queries, TensorView<const T> rows)
    : problem(asked), part(std::move(of_queries)), q(rows), out(q.shape()),
      lse(problem.batch, q.shape().heads, q.shape().tokens), out_lost(q.shape()), lse_lost(lse) {
    clear();
}

template <class T> void Rank<T>::clear() {
    out.flat().setZero();
    lse.flat().setConstant(-std::numeric_limits<T>::infinity());
    out_lost.flat().setZero();
    lse_lost.flat().setZero();
}

template <class T> void Rank<T>::attend(const VisitingKeys<T>& keys, VisitWorkspace<T>& workspace) {
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
        attend(keys, pattern, Queries::all(problem), workspace);
}

template <class T> void Rank<T>::attend(const VisitingKeys<T>& visiting, Index pattern, const Queries& asking,
                                        VisitWorkspace<T>& workspace, Rank* alone) {
    for_each_segment_visit(problem, pattern, part, asking, visiting.part, [&](const SegmentVisit& visit) {
        const auto& [b, g, heads, visibility, queries, keys] = visit;
        const Index elements = heads.size() * queries.count, kv_head = g - visiting.part.heads.begin;
        workspace.out.resize(std::max(workspace.out.size(), static_cast<std::size_t>(elements * problem.head_dim)));
        workspace.lse.resize(std::max(workspace.lse.size(), static_cast<std::size_t>(elements)));
        workspace.heads.clear();
        const auto here = [&](Index h) { return h - part.heads.begin; };
        const auto partial_of = [&](Index h) {
            return partial(workspace, h - visit.heads.begin, visit.queries.count, problem.head_dim);
        };
        for (Index h = heads.begin; h < heads.end; ++h)
            workspace.heads.push_back({q.rows(b, here(h), queries), partial_of(h), {problem, b, h}});
        dra::attend<T>(workspace.heads, visiting.k.rows(b, kv_head, keys), visiting.v.rows(b, kv_head, keys),
                       visibility, static_cast<T>(problem.softmax_scale), Combine::store, workspace.attend);
        for (Index h = heads.begin; h < heads.end; ++h)
            for (Rank* rank : {this, alone})
                if (rank) running_partial(*rank, b, here(h), queries).merge(partial_of(h));
    });
}

template struct Rank<float>;
template struct Rank<double>;

} // namespace dra
