#include "reference/ring/ring_attention.hpp"

#include "reference/attention/attend.hpp"
#include "reference/definition/pattern.hpp"

#include <algorithm>

namespace dra {
namespace {

/// What one rank keeps: its own tokens of q and of the result.
template <class T> struct Rank {
    Shard<T> q;
    Shard<T> out;
    Lse<T> lse; ///< [B, H, local tokens]

    Rank(const Problem& problem, Shard<T> own_queries)
        : q(std::move(own_queries)), out{q.intervals, Tensor<T>(q.rows.shape(), T(0))},
          lse(problem.batch, problem.heads, q.rows.shape().tokens) {
        lse.flat().setConstant(-std::numeric_limits<T>::infinity());
    }
};

/// Merges what the queries of one interval of the rank, (b, KV head) and segment see in the shard (k, v) that it holds.
template <class T> void attend_segment(const Problem& problem, Rank<T>& rank, std::size_t interval, const Shard<T>& k,
                                       const Shard<T>& v, Index b, Index g, const Positions& selected,
                                       AttendWorkspace<T>& workspace) {
    const TensorView<const T> q_rows = rank.q.rows, k_rows = k.rows, v_rows = v.rows;
    const auto [q_begin, q_end] = rank.q.intervals[interval];
    for (std::size_t j = 0; j < k.intervals.size(); ++j) {
        const auto [k_begin, k_end] = k.intervals[j];
        const Visibility visibility{selected.within(q_begin, q_end), selected.within(k_begin, k_end), problem.causal};
        if (visibility.queries.empty() || visibility.extent(visibility.queries.count - 1) == 0) continue;
        const Positions queries = rank.q.local(interval, selected), keys = k.local(j, selected);
        for (Index h = g * problem.group_size(); h < (g + 1) * problem.group_size(); ++h)
            attend<T>(q_rows.rows(b, h, queries), k_rows.rows(b, g, keys), v_rows.rows(b, g, keys), visibility,
                      static_cast<T>(problem.softmax_scale),
                      {rank.out.rows.view().rows(b, h, queries), rank.lse.rows(b, h, queries)}, Combine::merge,
                      workspace);
    }
}

/// One step of one rank: every pattern and head, and the segments that the rank's queries lie in.
template <class T> void attend_shard(const Problem& problem, Rank<T>& rank, const Shard<T>& k, const Shard<T>& v,
                                     AttendWorkspace<T>& workspace) {
    for (Index i = 0; i < problem.patterns(); ++i)
        for (Index g = 0; g < problem.kv_heads; ++g) {
            if (!uses(problem, i, g)) continue;
            const Pattern pattern = pattern_of(problem, i, g);
            for (std::size_t interval = 0; interval < rank.q.intervals.size(); ++interval) {
                const auto [begin, end] = rank.q.intervals[interval];
                for (Index b = 0; b < problem.batch; ++b)
                    for (Index s = begin / pattern.segment_length; s * pattern.segment_length < end; ++s)
                        attend_segment(problem, rank, interval, k, v, b, g, pattern.selected(s, problem.tokens),
                                       workspace);
            }
        }
}

} // namespace

template <class T> Attention<T> ring_attention(const Problem& problem, TensorView<const T> q, TensorView<const T> k,
                                               TensorView<const T> v) {
    std::vector<Rank<T>> ranks;
    for (Shard<T>& shard : scatter(q, problem.layout, problem.ranks)) ranks.emplace_back(problem, std::move(shard));
    std::vector<Shard<T>> visiting_k = scatter(k, problem.layout, problem.ranks),
                          visiting_v = scatter(v, problem.layout, problem.ranks);

    AttendWorkspace<T> workspace; // the ranks take turns
    for (Index step = 0; step < problem.ranks; ++step) {
        for (Index rank = 0; rank < problem.ranks; ++rank) {
            const auto p = static_cast<std::size_t>(rank);
            if (ring_step(problem, rank, step).needed)
                attend_shard(problem, ranks[p], visiting_k[p], visiting_v[p], workspace);
        }
        std::rotate(visiting_k.rbegin(), visiting_k.rbegin() + 1, visiting_k.rend()); // each hands on to the next
        std::rotate(visiting_v.rbegin(), visiting_v.rbegin() + 1, visiting_v.rend());
    }

    Attention<T> result{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    std::vector<Shard<T>> outs;
    for (Rank<T>& rank : ranks) {
        for (std::size_t i = 0; i < rank.out.intervals.size(); ++i) {
            const auto [begin, end] = rank.out.intervals[i];
            const Positions here{begin, 1, end - begin};
            for (Index b = 0; b < problem.batch; ++b)
                for (Index h = 0; h < problem.heads; ++h)
                    result.lse.rows(b, h, here) = rank.lse.rows(b, h, rank.out.local(i, here));
        }
        outs.push_back(std::move(rank.out));
    }
    gather<T>(outs, result.out);
    return result;
}

template Attention<float> ring_attention(const Problem&, TensorView<const float>, TensorView<const float>,
                                         TensorView<const float>);
template Attention<double> ring_attention(const Problem&, TensorView<const double>, TensorView<const double>,
                                          TensorView<const double>);

} // namespace dra
