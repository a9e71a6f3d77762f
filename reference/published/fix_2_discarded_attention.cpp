#include "reference/published/fix_2_discarded_attention.hpp"

#include "reference/published/fix_4_duplicate_methods.hpp"

namespace dra::published::fix_2 {

Selection select(Rung rung, const Positions& positions, Index length, Counts& counts) {
    if (rung == Rung::principled || positions.empty()) return {positions, positions.count, {}};
    Selection selection{positions, length, std::vector<Index>(static_cast<std::size_t>(length))};
    for (Index t = 0; t < length; ++t) selection.indices[t] = positions[t % positions.count];
    counts.index_elements += length;
    return selection;
}

template <class T>
SelectedRows<T> gathered(TensorView<const T> tensor, Index b, Index h, const Selection& selection, Counts& counts) {
    const auto all = tensor.rows(b, h);
    RowMajor<T> copy = all(selection.indices, Eigen::all);
    counts.rows_gathered += copy.rows();
    const Rows<T> rows(copy.data(), copy.rows(), copy.cols(), Eigen::OuterStride<>(copy.outerStride()));
    return {std::move(copy), rows};
}

template <class T>
SelectedRows<T> strided(TensorView<const T> tensor, Index b, Index h, const Selection& selection, Counts&) {
    return {{}, tensor.rows(b, h, selection.positions)};
}

template <class T> SelectedRows<T> rows(Rung rung, TensorView<const T> tensor, Index b, Index h,
                                        const Selection& selection, Counts& counts) {
    return (rung == Rung::principled ? strided<T> : gathered<T>)(tensor, b, h, selection, counts);
}

template <class T>
void scatter(const Partial<T>& from, const Selection& selection, Index b, Index h, const AttentionView<T>& into) {
    auto all = into.out.rows(b, h);
    for (Index t = 0; t < selection.positions.count; ++t) {
        const Index row = selection.indices[t];
        const MergeWeights<T> w(into.lse(b, h, row), from.lse[t]);
        into.lse(b, h, row) = w.lse;
        all.row(row) = w.a * all.row(row) + w.b * from.out.row(t);
    }
}

namespace {

/// Attention of the rows of x with themselves, in every segment of a pattern, into memory that nobody reads.
template <class T>
void discard(const Problem& problem, Index pattern, TensorView<const T> x, Workspace<T>& workspace, Counts& counts) {
    const Index query_heads_per_kv_head = x.shape().heads / problem.kv_heads;
    for (Index h = 0; h < x.shape().heads; ++h) {
        if (!uses(problem, pattern, h / query_heads_per_kv_head)) continue;
        const Pattern p = pattern_of(problem, pattern, h / query_heads_per_kv_head);
        for (Index s = 0; s < p.segments(problem.tokens); ++s) {
            const Index length = std::min(p.segment_length, problem.tokens - s * p.segment_length);
            const Selection selection = select(Rung::before, p.selected(s, problem.tokens), length, counts);
            if (selection.positions.empty()) continue;
            for (Index b = 0; b < problem.batch; ++b) {
                const SelectedRows<T> rows = gathered(x, b, h, selection, counts);
                RowMajor<T> out(length, problem.head_dim);
                Eigen::ArrayX<T> lse(length);
                const Masking masking{{selection.positions, selection.positions, false}, length, length, true, nullptr};
                fix_4::attend<T>({rows.rows, workspace.pack(rows.rows, rows.rows), masking,
                                  static_cast<T>(problem.softmax_scale), workspace},
                                 partial_of(out, lse), Combine::store);
            }
        }
    }
}

} // namespace

template <class T> void three_discarded_attentions(const Problem& problem, const InputsView<T>& inputs,
                                                   Workspace<T>& workspace, Counts& counts) {
    for (const auto& x : {inputs.q, inputs.k, inputs.v})
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern)
            discard(problem, pattern, x, workspace, counts);
}

#define DRA_INSTANTIATE(T)                                                                             \
    template SelectedRows<T> gathered(TensorView<const T>, Index, Index, const Selection&, Counts&);   \
    template SelectedRows<T> strided(TensorView<const T>, Index, Index, const Selection&, Counts&);    \
    template SelectedRows<T> rows(Rung, TensorView<const T>, Index, Index, const Selection&, Counts&); \
    template void scatter(const Partial<T>&, const Selection&, Index, Index, const AttentionView<T>&); \
    template void three_discarded_attentions(const Problem&, const InputsView<T>&, Workspace<T>&, Counts&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)

} // namespace dra::published::fix_2
