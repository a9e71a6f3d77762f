#include "reference/ring/rank.hpp"

#include "reference/ring/visit.hpp"

namespace dra {
namespace {

/// Where a visit's partials are kept until they are merged, one query head's below the other's.
template <class T> class VisitPartials {
public:
    VisitPartials(Index heads, Index rows, Index head_dim)
        : rows_(rows), out_(heads * rows, head_dim), lse_(heads * rows) {}

    Partial<T> of(Index head) {
        return {{out_.row(head * rows_).data(), rows_, out_.cols(), Eigen::OuterStride<>(out_.cols())},
                {lse_.data() + head * rows_, rows_, Eigen::InnerStride<>(1)}};
    }

private:
    Index rows_;
    RowMajor<T> out_;
    Eigen::ArrayX<T> lse_;
};

/// The running result of some rows of a rank.
template <class T> RunningPartial<T> partial(Rank<T>& rank, Index b, Index h, const Positions& rows) {
    return {{rank.out.rows.view().rows(b, h, rows), rank.lse.rows(b, h, rows)},
            {rank.out_lost.view().rows(b, h, rows), rank.lse_lost.rows(b, h, rows)}};
}

} // namespace

template <class T> Rank<T>::Rank(const Problem& asked, Shard<T> own_queries)
    : problem(asked), q(std::move(own_queries)), out{q.intervals, Tensor<T>(q.rows.shape(), T(0))},
      lse(problem.batch, problem.heads, q.rows.shape().tokens), out_lost(q.rows.shape(), T(0)), lse_lost(lse) {
    lse.flat().setConstant(-std::numeric_limits<T>::infinity());
    lse_lost.flat().setZero();
}

template <class T> void Rank<T>::attend(const VisitingKeys<T>& keys, AttendWorkspace<T>& workspace) {
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) attend(keys, pattern, workspace);
}

template <class T> void Rank<T>::attend(const VisitingKeys<T>& visiting, Index pattern, AttendWorkspace<T>& workspace) {
    const TensorView<const T> q_rows = q.rows;
    std::vector<QueryHead<T>> heads;
    for_each_visit(problem, pattern, q.intervals, visiting.intervals, [&](const Visit& visit) {
        const auto& [b, g, visibility, queries, keys] = visit;
        const Index group = problem.query_heads_per_kv_head();
        VisitPartials<T> partials(group, queries.count, problem.head_dim);
        heads.clear();
        for (Index h = 0; h < group; ++h)
            heads.push_back({q_rows.rows(b, g * group + h, queries), partials.of(h), {problem, b, g * group + h}});
        dra::attend<T>(heads, visiting.k.rows(b, g, keys), visiting.v.rows(b, g, keys), visibility,
                       static_cast<T>(problem.softmax_scale), Combine::store, workspace);
        for (Index h = 0; h < group; ++h) partial(*this, b, g * group + h, queries).merge(partials.of(h));
    });
}

template struct Rank<float>;
template struct Rank<double>;

} // namespace dra
