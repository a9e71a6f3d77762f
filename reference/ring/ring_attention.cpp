#include "reference/ring/ring_attention.hpp"

#include "reference/attention/attend.hpp"
#include "reference/ring/round.hpp"
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

/// Merges what one rank's queries see under a pattern of the shard (k, v) that it holds.
template <class T> void attend_shard(const Problem& problem, Index pattern, Rank<T>& rank, const Shard<T>& k,
                                     const Shard<T>& v, AttendWorkspace<T>& workspace) {
    const TensorView<const T> q_rows = rank.q.rows, k_rows = k.rows, v_rows = v.rows;
    std::vector<QueryHead<T>> heads;
    for_each_visit(problem, pattern, rank.q.intervals, k.intervals, [&](const Visit& visit) {
        const auto& [b, g, visibility, queries, keys] = visit;
        const Index group = problem.group_size();
        VisitPartials<T> partials(group, queries.count, problem.head_dim);
        heads.clear();
        for (Index h = 0; h < group; ++h)
            heads.push_back({q_rows.rows(b, g * group + h, queries), partials.of(h), {problem, b, g * group + h}});
        attend<T>(heads, k_rows.rows(b, g, keys), v_rows.rows(b, g, keys), visibility,
                  static_cast<T>(problem.softmax_scale), Combine::store, workspace);
        for (Index h = 0; h < group; ++h) rank.partial(b, g * group + h, queries).merge(partials.of(h));
    });
}

} // namespace

template <class T> Rank<T>::Rank(const Problem& problem, Shard<T> own_queries)
    : q(std::move(own_queries)), out{q.intervals, Tensor<T>(q.rows.shape(), T(0))},
      lse(problem.batch, problem.heads, q.rows.shape().tokens), out_lost(q.rows.shape(), T(0)), lse_lost(lse) {
    lse.flat().setConstant(-std::numeric_limits<T>::infinity());
    lse_lost.flat().setZero();
}

template <class T> std::vector<Rank<T>> attend_on_ring(const Problem& problem, Index first_pattern, Index last_pattern,
                                                       TensorView<const T> q, TensorView<const T> k,
                                                       TensorView<const T> v) {
    std::vector<Rank<T>> ranks;
    for (Shard<T>& shard : scatter(problem, q)) ranks.emplace_back(problem, std::move(shard));
    const std::vector<Shard<T>> visiting_k = scatter(problem, k), visiting_v = scatter(problem, v);
    AttendWorkspace<T> workspace; // the ranks take turns
    go_round(problem, [&](std::size_t rank, std::size_t owner) {
        for (Index pattern = first_pattern; pattern < last_pattern; ++pattern)
            attend_shard(problem, pattern, ranks[rank], visiting_k[owner], visiting_v[owner], workspace);
    });
    return ranks;
}

template <class T> Attention<T> ring_attention(const Problem& problem, TensorView<const T> q, TensorView<const T> k,
                                               TensorView<const T> v) {
    Attention<T> result{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    std::vector<Shard<T>> outs;
    for (Rank<T>& rank : attend_on_ring(problem, 0, problem.patterns(), q, k, v)) {
        gather(rank.lse, rank.out.intervals, result.lse);
        outs.push_back(std::move(rank.out));
    }
    gather<T>(outs, result.out);
    return result;
}

#define DRA_INSTANTIATE(T)                                                                          \
    template struct Rank<T>;                                                                        \
    template std::vector<Rank<T>> attend_on_ring(const Problem&, Index, Index, TensorView<const T>, \
                                                 TensorView<const T>, TensorView<const T>);         \
    template Attention<T> ring_attention(const Problem&, TensorView<const T>, TensorView<const T>, TensorView<const T>);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
