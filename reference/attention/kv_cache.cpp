#include "reference/attention/kv_cache.hpp"

#include "reference/attention/panel.hpp"
#include "reference/attention/team.hpp"
#include "reference/attention/views.hpp"
#include "reference/definition/sizes.hpp"
#include "reference/definition/team_size.hpp"

#include <atomic>

namespace dra {
namespace {

/// The rows that one pattern keeps of its current segment: [B, longest view, KV heads that use it, D].
template <class T> struct KeptRows {
    Tensor<T> k, v;
    Index first_head; ///< the KV head that lies first

    KeptRows(const Problem& problem, const Views& views)
        : k({problem.batch, views.longest(), views.heads(), problem.head_dim}), v(k.shape()),
          first_head(views.first_head()) {}
};

/// The tokens of one call: their positions in the sequence, and where they lie.
template <class T> struct NewTokens {
    Index begin, end;
    TensorView<const T> k, v;
};

/// Puts the selected rows among the new tokens into their places, segment by segment, and after each calls
/// visit(queries, keys, k, v): the new positions, all positions of the segment up to the last of them, and their rows.
template <class T, class Visit> void keep(const Problem& problem, Index pattern, Index b, Index g, KeptRows<T>& kept,
                                          const NewTokens<T>& tokens, const Visit& visit) {
    const Pattern p = pattern_of(problem, pattern, g);
    const Index head = g - kept.first_head;
    for (Index s = p.segment_of(tokens.begin); s < p.segments(tokens.end); ++s) {
        const Positions selected = p.selected(s, problem.tokens), added = selected.within(tokens.begin, tokens.end);
        if (added.empty()) continue;
        const Index before = selected.below(tokens.begin);
        const Positions places{before, 1, added.count}, from = added.relative_to(tokens.begin);
        kept.k.view().rows(b, head, places) = tokens.k.rows(b, g, from);
        kept.v.view().rows(b, head, places) = tokens.v.rows(b, g, from);

        const TensorView<const T> k = kept.k, v = kept.v;
        const Positions keys = selected.slice(0, before + added.count), all{0, 1, keys.count};
        visit(added, keys, k.rows(b, head, all), v.rows(b, head, all));
    }
}

/// The memory of one thread.
template <class T> struct Space {
    kernel::PackedKeys<T> packed{};
    kernel::PanelWorkspace<T> panels;

    /// Merges attention of the rows q over the packed keys that they see into `into`.
    void attend(const Rows<T>& q, const Visibility& visibility, T scale, Partial<T> into) {
        kernel::attend_rows(q, kernel::PackedView{packed, kernel::ExtentPanels{visibility}, scale}, into,
                            Combine::merge, panels);
    }
};

/// The queries of one call, and where their results go.
template <class T> struct Queries {
    TensorView<const T> q;
    TensorView<T> out;
    Lse<T>& lse;

    /// Attends with heads [first, first + group) of the rows, each of which sees what `visibility` says. Panels are
    /// filled with the tokens of a head, or with the heads of a token, whichever are more.
    void attend(Index b, Index first, Index group, const Positions& rows, const Visibility& visibility, T scale,
                Space<T>& space) const {
        if (rows.count >= group)
            for (Index h = first; h < first + group; ++h)
                space.attend(q.rows(b, h, rows), visibility, scale, {out.rows(b, h, rows), lse.rows(b, h, rows)});
        else
            for (Index t = 0; t < rows.count; ++t)
                attend_token(b, first, group, rows[t], visibility.keys.slice(0, visibility.extent(t)), scale, space);
    }

private:
    void attend_token(Index b, Index first, Index group, Index row, const Positions& keys, T scale,
                      Space<T>& space) const {
        const Index head_dim = q.shape().head_dim;
        const Eigen::OuterStride<> q_apart(q.strides().head), out_apart(out.strides().head);
        space.attend({q.row(b, row, first), group, head_dim, q_apart}, {{0, 1, group}, keys, false}, scale,
                     {{out.row(b, row, first), group, head_dim, out_apart},
                      {&lse(b, first, row), group, Eigen::InnerStride<>(q.shape().tokens)}});
    }
};

} // namespace

template <class T> struct KvCache<T>::Memory {
    std::vector<KeptRows<T>> patterns{};
    std::vector<Space<T>> spaces{}; ///< one per thread
};

template <class T> KvCache<T>::KvCache(const Problem& problem) : problem_(problem), memory_(opaque<Memory>()) {
    if (!problem.causal)
        throw PatternError("causal", "false", "must be true: when a token is decoded, no later one is there");
    if (problem.dropout != 0)
        throw PatternError("dropout", std::to_string(problem.dropout), "must be 0: decoding is not training");
    memory_->spaces.assign(static_cast<std::size_t>(threads_for(problem.batch * problem.kv_heads)),
                           {.panels = kernel::PanelWorkspace<T>(problem.head_dim)});
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        memory_->patterns.emplace_back(problem, views);
        for (auto& space : memory_->spaces) space.packed.resize(views.longest(), problem.head_dim);
    }
}

template <class T> void KvCache<T>::check(TensorView<const T> k, TensorView<const T> v) const {
    Shape expected = problem_.kv_shape();
    expected.tokens = k.shape().tokens;
    require_sizes("k", k.shape(), "the cache's", expected);
    require_sizes("v", v.shape(), "that of k", expected);
    if (const Index left = problem_.tokens - tokens_; expected.tokens < 1 || expected.tokens > left)
        throw ShapeError("k.shape", text(expected),
                         "N must be at least 1 and at most the tokens that are left, " + std::to_string(left));
}

template <class T> void KvCache<T>::append(TensorView<const T> k, TensorView<const T> v) {
    check(k, v);
    const NewTokens<T> added{tokens_, tokens_ + k.shape().tokens, k, v};
    for (Index pattern = 0; pattern < problem_.patterns(); ++pattern) {
        const Interval heads = heads_of(problem_, pattern);
        for (Index b = 0; b < problem_.batch; ++b)
            for (Index g = heads.begin; g < heads.end; ++g)
                keep(problem_, pattern, b, g, memory_->patterns[pattern], added, [](auto&&...) {});
    }
    tokens_ = added.end;
}

template <class T> void KvCache<T>::decode(const InputsView<T>& inputs, const AttentionView<T>& into) {
    check(inputs.k, inputs.v);
    const Index n = inputs.k.shape().tokens, group = problem_.query_heads_per_kv_head();
    const Shape expected{problem_.batch, n, problem_.heads, problem_.head_dim};
    require_sizes("q", inputs.q.shape(), "that of k with H heads", expected);
    require_sizes("out", into.out.shape(), "that of q", expected);
    require_sizes("lse", into.lse.shape(), "[B, H, N] of q", LseShape{problem_.batch, problem_.heads, n});

    const NewTokens<T> added{tokens_, tokens_ + n, inputs.k, inputs.v};
    const Queries<T> asked{inputs.q, into.out, into.lse};
    std::atomic<Index> rows_read = 0;
    const auto decode_head = [&](Index b, Index g, Space<T>& space) {
        for (Index h = g * group; h < (g + 1) * group; ++h)
            clear(Partial<T>{into.out.rows(b, h), into.lse.rows(b, h, {0, 1, n})});
        for (Index pattern = 0; pattern < problem_.patterns(); ++pattern) {
            if (!uses(problem_, pattern, g)) continue;
            const auto attend = [&](const Positions& queries, const Positions& keys, const Rows<T>& K,
                                    const Rows<T>& V) {
                space.packed.resize(keys.count, problem_.head_dim); // there is room
                space.packed.pack(K, V, 0, keys.count);
                rows_read += keys.count;
                asked.attend(b, g * group, group, queries.relative_to(added.begin), {queries, keys, true},
                             static_cast<T>(problem_.softmax_scale), space);
            };
            keep(problem_, pattern, b, g, memory_->patterns[pattern], added, attend);
        }
    };
    const int threads = static_cast<int>(memory_->spaces.size());
    with_team(threads, [&](int thread) {
        share_out(threads, problem_.batch * problem_.kv_heads, [&](Index item) {
            decode_head(item / problem_.kv_heads, item % problem_.kv_heads, memory_->spaces[thread]);
        });
    });
    rows_read_ = rows_read;
    tokens_ = added.end;
}

template <class T> Index KvCache<T>::rows_kept() const {
    Index rows = 0;
    for (Index pattern = 0; pattern < problem_.patterns(); ++pattern)
        for (Index g = heads_of(problem_, pattern).begin; g < heads_of(problem_, pattern).end; ++g) {
            const Pattern p = pattern_of(problem_, pattern, g);
            const Positions selected = p.selected(p.segment_of(tokens_), problem_.tokens);
            const Index here = selected.below(tokens_);
            if (here < selected.count) rows += problem_.batch * here; // else nobody comes who would see them
        }
    return rows;
}

template class KvCache<float>;
template class KvCache<double>;

} // namespace dra
