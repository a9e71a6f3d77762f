#pragma once
/// \file
/// Gradients whose parts fit into their type, but not the sum of them so far: summed again, in extended precision, over
/// all views of a problem. See extended_rows.hpp. Not installed.

#include "reference/attention/extended_rows.hpp"
#include "reference/definition/pattern.hpp"

namespace dra::kernel {

/// Rows of keys and values as they lie, for an ExtendedView.
template <class T> struct KeyRows {
    Index head_dim;
    Rows<T> k, v; ///< (n, D)
};

/// Whether every element is finite.
template <class T> bool all_finite(TensorView<T> x) {
    if (x.is_contiguous()) return (T(0) * x.flat()).sum() == T(0);
    for (Index b = 0; b < x.shape().batch; ++b)
        for (Index h = 0; h < x.shape().heads; ++h)
            if ((T(0) * x.rows(b, h).array()).sum() != T(0)) return false;
    return true;
}

/// The sums of gradients over all views, from the problem's tensors and its result.
template <class T> struct ExtendedSums {
    const Problem& problem;
    InputsView<T> inputs;
    AttentionView<const T> result;
    TensorView<const T> dout;

    /// Computes again what is not finite. Mixing weights must not be held constant. Costs a look at every element and,
    /// of a row that is not finite, 10 D FLOPs per visible pair without SIMD.
    void mend(const GradientsView<T>& into) const {
        if (all_finite(into.dq) && all_finite(into.dk) && all_finite(into.dv)) return;
        for (Index b = 0; b < problem.batch; ++b)
            for (Index n = 0; n < problem.tokens; ++n) {
                for (Index h = 0; h < problem.heads; ++h) mend_query(b, h, n, into.dq.rows(b, h).row(n));
                for (Index g = 0; g < problem.kv_heads; ++g)
                    mend_key(b, g, n, into.dk.rows(b, g).row(n), into.dv.rows(b, g).row(n));
            }
    }

private:
    template <class Row> void mend_query(Index b, Index h, Index n, Row dq) const {
        if (dq.allFinite()) return;
        ExtendedRow<T> sum = ExtendedRow<T>::Zero(problem.head_dim);
        for_each_view(b, h, n, [&](const auto& view, const GradientHead<T>& head, Index row) {
            sum += view.query_gradient(head, row);
        });
        replace_spoiled(dq, sum);
    }

    template <class Row> void mend_key(Index b, Index g, Index n, Row dk, Row dv) const {
        if (dk.allFinite() && dv.allFinite()) return;
        ExtendedRow<T> sum_k = ExtendedRow<T>::Zero(problem.head_dim), sum_v = sum_k;
        for (Index h = g * problem.query_heads_per_kv_head(); h < (g + 1) * problem.query_heads_per_kv_head(); ++h)
            for_each_view(b, h, n, [&](const auto& view, const GradientHead<T>& head, Index row) {
                for (Index i = 0; i < head.q.rows(); ++i)
                    if (row < view.visibility.extent(i)) view.add_key_gradient(head, i, row, sum_k, sum_v);
            });
        replace_spoiled(dk, problem.softmax_scale * sum_k);
        replace_spoiled(dv, sum_v);
    }

    /// Calls visit(view, head, row) for the views that have token n as their row.
    template <class Visit> void for_each_view(Index b, Index h, Index n, const Visit& visit) const {
        const Index g = h / problem.query_heads_per_kv_head();
        for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
            if (!uses(problem, pattern, g)) continue;
            const Pattern of_head = pattern_of(problem, pattern, g);
            const Positions rows = of_head.selected(of_head.segment_of(n), problem.tokens);
            const Index row = rows.below(n);
            if (row == rows.count || rows[row] != n) continue;

            Eigen::ArrayX<Extended<T>> delta(rows.count);
            Eigen::ArrayX<T> no_dq;
            weighted_mean_gradient<T>(dout.rows(b, h, rows), result.out.rows(b, h, rows),
                                      {delta.data(), rows.count, Eigen::InnerStride<>(1)});
            const Dropout dropout(problem, b, h);
            const Visibility visibility{rows, rows, problem.causal};
            const KeyRows<T> keys{problem.head_dim, inputs.k.rows(b, g, rows), inputs.v.rows(b, g, rows)};
            const GradientHead<T> head{inputs.q.rows(b, h, rows),
                                       dout.rows(b, h, rows),
                                       result.lse.rows(b, h, rows),
                                       {delta.data(), rows.count, Eigen::InnerStride<>(1)},
                                       {no_dq.data(), 0, problem.head_dim, Eigen::OuterStride<>(problem.head_dim)},
                                       dropout};
            visit(ExtendedView<T, KeyRows<T>>{keys, visibility, dropout, static_cast<T>(problem.softmax_scale)}, head,
                  row);
        }
    }
};

} // namespace dra::kernel
