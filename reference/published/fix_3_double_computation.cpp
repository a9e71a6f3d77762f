#include "reference/published/fix_3_double_computation.hpp"

#include "reference/published/mask_panels.hpp"

#include <memory>

namespace dra::published::fix_3 {

namespace {

/// S^T (keys, lanes) of a panel, computed as attend_panels does and kept; returns the keys that were visited.
template <class T, class Visible>
Index scores_again(const AttendCall<T>& call, const Visible& visible, Index i0, Index rows, kernel::Row<T>* scores) {
    kernel::PanelState<T>& panel = call.workspace.mine().panel.panels[0];
    kernel::begin_panel(panel, call.q, call.softmax_scale, i0, rows);
    const auto seen = visible.template panel<T>(i0, rows);
    for (Index j = 0; j < seen.end; j += kernel::strip) {
        kernel::Microtile<T> s = kernel::product(call.kv.head_dim, call.kv.k.at(j), panel.q.data());
        if (j + kernel::strip > seen.full) seen.mask(j, s);
        DRA_UNROLL (i, kernel::strip) scores[j + i] = s.r[i];
    }
    return seen.end;
}

template <class T> kernel::Row<T> maximum_of(const kernel::Row<T>* scores, Index keys) {
    kernel::RunningSoftmax<T> softmax;
    for (Index j = 0; j < keys; ++j)
        for (int c = 0; c < kernel::vectors; ++c)
            softmax.max.v[c] = kernel::larger<T>(softmax.max.v[c], scores[j].v[c]);
    return softmax.max;
}

/// sum_j 2^(s_j - maximum), one key block at a time, so that errors do not grow with the number of keys.
template <class T> kernel::Row<T> sum_of(kernel::Row<T>* scores, Index keys, const kernel::Row<T>& maximum) {
    kernel::RunningSoftmax<T> softmax;
    softmax.max = maximum;
    for (Index j = 0; j < keys; j += kernel::key_block)
        softmax.exponentials(std::min(kernel::key_block, keys - j), maximum, scores + j);
    return softmax.sum;
}

/// The attention of a call, its lse replaced by what `statistics` makes of the one that came with it, stored or merged.
template <class T, class Statistics> void attend_and_replace(const AttendCall<T>& call, Method<T> attend,
                                                             Partial<T> into, Combine combine, Statistics statistics) {
    RowMajor<T> out(call.rows(), call.q.cols());
    Eigen::ArrayX<T> lse(call.rows());
    attend(call, partial_of(out, lse), Combine::store);
    statistics(lse);
    if (combine == Combine::store) {
        into.out = out;
        into.lse = lse;
    } else {
        merge<T>(into, {out.data(), out.rows(), out.cols(), Eigen::OuterStride<>(out.cols())},
                 {lse.data(), lse.size(), Eigen::InnerStride<>(1)});
    }
}

} // namespace

template <class T> RowStatistics<T> statistics_again(const AttendCall<T>& call, bool with_sum) {
    const Index rows = call.rows(), panels = ceil_div(rows, kernel::lanes<T>),
                keys = kernel::strips_up(call.masking.keys);
    const auto scores = std::make_unique_for_overwrite<kernel::Row<T>[]>(static_cast<std::size_t>(panels * keys));
    RowStatistics<T> found{Eigen::ArrayX<T>(rows), Eigen::ArrayX<T>(with_sum ? rows : 0)};
    with_panels(call.masking, [&](const auto& visible) {
#pragma omp parallel for schedule(dynamic) num_threads(call.workspace.team(panels))
        for (Index p = 0; p < panels; ++p) {
            const Index i0 = p * kernel::lanes<T>, n = std::min<Index>(kernel::lanes<T>, rows - i0);
            kernel::Row<T>* mine = scores.get() + p * keys;
            const Index visited = scores_again(call, visible, i0, n, mine);
            Counts& counts = call.workspace.mine().counts;
            counts.pairs_again += n * visited;
            counts.flops += n * visited * 2 * call.kv.head_dim;
            const kernel::Row<T> maximum = maximum_of(mine, visited);
            const kernel::Row<T> sum = with_sum ? sum_of(mine, visited, maximum) : kernel::Row<T>{};
            for (int lane = 0; lane < n; ++lane) {
                found.maximum[i0 + lane] = maximum.get(lane) * std::numbers::ln2_v<T>;
                if (with_sum) found.sum[i0 + lane] = sum.get(lane);
            }
        }
    });
    return found;
}

template <class T> void before(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine) {
    attend_and_replace(call, attend, into, combine, [&](Eigen::ArrayX<T>& lse) {
        const RowStatistics<T> again = statistics_again(call, true);
        lse = again.maximum +
              again.sum.unaryExpr([](T l) { return std::log(l); }); // -inf + log 0 in rows that see nothing
    });
}

template <class T> void after(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine) {
    attend_and_replace(call, attend, into, combine, [&](Eigen::ArrayX<T>& lse) {
        const RowStatistics<T> again = statistics_again(call, false);
        const Eigen::ArrayX<T> log_sum =
            (lse == -std::numeric_limits<T>::infinity()).select(T(0), lse - again.maximum); // restored
        lse = again.maximum + log_sum;
    });
}

template <class T>
void after_as_published(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine) {
    attend_and_replace(call, attend, into, combine, [&](Eigen::ArrayX<T>& lse) {
        lse = statistics_again(call, false).maximum; // + log 1
    });
}

template <class T> void principled(const AttendCall<T>& call, Method<T> attend, Partial<T> into, Combine combine) {
    attend(call, into, combine);
}

#define DRA_INSTANTIATE(T)                                                                  \
    template RowStatistics<T> statistics_again(const AttendCall<T>&, bool);                 \
    template void before(const AttendCall<T>&, Method<T>, Partial<T>, Combine);             \
    template void after(const AttendCall<T>&, Method<T>, Partial<T>, Combine);              \
    template void after_as_published(const AttendCall<T>&, Method<T>, Partial<T>, Combine); \
    template void principled(const AttendCall<T>&, Method<T>, Partial<T>, Combine);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)

} // namespace dra::published::fix_3
