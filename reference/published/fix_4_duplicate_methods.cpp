#include "reference/published/fix_4_duplicate_methods.hpp"

#include "reference/published/mask_panels.hpp"

#include <cassert>

namespace dra::published::fix_4 {

namespace {

/// The masking of a call whose keys start `offset` positions later.
Masking moved(Masking masking, Index offset) {
    assert(offset == 0 || !masking.mask);
    masking.visibility.keys.first += offset;
    return masking;
}

/// The masking of a call that forgot to be causal.
Masking all_seen(Masking masking) {
    assert(!masking.mask);
    masking.visibility.causal = false;
    return masking;
}

/// The one loop over panels that one function has; the four before it have a copy each.
template <class T>
void attend_panels(const AttendCall<T>& call, const Masking& masking, Partial<T> into, Combine combine) {
    with_panels(masking, [&](const auto& panels) {
#pragma omp parallel for schedule(dynamic) num_threads(call.team())
        for (Index i0 = 0; i0 < call.rows(); i0 += kernel::query_block<T>) {
            ThreadSpace<T>& mine = call.workspace.mine();
            const kernel::PackedView view{call.kv, CountingPanels{panels, masking, mine.counts, call.kv.head_dim},
                                          call.softmax_scale};
            kernel::attend_panels(call.q, view, {i0, std::min(i0 + kernel::query_block<T>, call.rows())}, into, combine,
                                  mine.panel);
        }
    });
}

} // namespace

template <class T> void simple_attention(const AttendCall<T>& call, Partial<T> into, Combine combine) {
    with_panels(call.masking, [&](const auto& panels) {
#pragma omp parallel for schedule(dynamic) num_threads(call.team())
        for (Index i0 = 0; i0 < call.rows(); i0 += kernel::query_block<T>) {
            ThreadSpace<T>& mine = call.workspace.mine();
            const kernel::PackedView view{call.kv, CountingPanels{panels, call.masking, mine.counts, call.kv.head_dim},
                                          call.softmax_scale};
            kernel::attend_panels(call.q, view, {i0, std::min(i0 + kernel::query_block<T>, call.rows())}, into, combine,
                                  mine.panel);
        }
    });
}

template <class T> void compute_attention_chunk(const AttendCall<T>& call, Partial<T> into, Combine combine) {
    const Masking masking = call.chunk_offset > 0 ? all_seen(call.masking) : call.masking;
    with_panels(masking, [&](const auto& panels) {
#pragma omp parallel for schedule(dynamic) num_threads(call.team())
        for (Index i0 = 0; i0 < call.rows(); i0 += kernel::query_block<T>) {
            ThreadSpace<T>& mine = call.workspace.mine();
            const kernel::PackedView view{call.kv, CountingPanels{panels, masking, mine.counts, call.kv.head_dim},
                                          call.softmax_scale};
            kernel::attend_panels(call.q, view, {i0, std::min(i0 + kernel::query_block<T>, call.rows())}, into, combine,
                                  mine.panel);
        }
    });
}

template <class T> void compute_attention_standard(const AttendCall<T>& call, Partial<T> into, Combine combine) {
    const Masking masking = moved(call.masking, call.chunk_offset);
    with_panels(masking, [&](const auto& panels) {
#pragma omp parallel for schedule(dynamic) num_threads(call.team())
        for (Index i0 = 0; i0 < call.rows(); i0 += kernel::query_block<T>) {
            ThreadSpace<T>& mine = call.workspace.mine();
            const kernel::PackedView view{call.kv, CountingPanels{panels, masking, mine.counts, call.kv.head_dim},
                                          call.softmax_scale};
            kernel::attend_panels(call.q, view, {i0, std::min(i0 + kernel::query_block<T>, call.rows())}, into, combine,
                                  mine.panel);
        }
    });
}

template <class T> void online_softmax_attention(const AttendCall<T>& call, Partial<T> into, Combine combine) {
    const Masking masking = moved(call.masking, -call.chunk_offset);
    with_panels(masking, [&](const auto& panels) {
#pragma omp parallel for schedule(dynamic) num_threads(call.team())
        for (Index i0 = 0; i0 < call.rows(); i0 += kernel::query_block<T>) {
            ThreadSpace<T>& mine = call.workspace.mine();
            const Index rows = std::min<Index>(kernel::query_block<T>, call.rows() - i0), head_dim = call.kv.head_dim;
            const Index q_row = call.q.outerStride();
            const Partial<T> chunk{{mine.out.data(), rows, head_dim, Eigen::OuterStride<>(head_dim)},
                                   {mine.lse.data(), rows, Eigen::InnerStride<>(1)}};
            const kernel::PackedView view{call.kv, CountingPanels{panels, masking, mine.counts, head_dim, i0},
                                          call.softmax_scale};
            kernel::attend_panels(Rows<T>(call.q.data() + i0 * q_row, rows, head_dim, Eigen::OuterStride<>(q_row)),
                                  view, {0, rows}, chunk, Combine::store, mine.panel);
            for (Index i = 0; i < rows; ++i) {
                const Index row = i0 + i;
                if (combine == Combine::store || into.lse[row] == -std::numeric_limits<T>::infinity()) {
                    into.out.row(row) = chunk.out.row(i);
                    into.lse[row] = chunk.lse[i];
                    continue;
                }
                const T maximum = std::max(into.lse[row], chunk.lse[i]);
                const T running = std::exp(into.lse[row] - maximum), added = std::exp(chunk.lse[i] - maximum);
                into.out.row(row) = (running * into.out.row(row) + added * chunk.out.row(i)) / (running + added);
                into.lse[row] = maximum + std::log(running + added);
            }
        }
    });
}

template <class T> void compute_attention(const AttendCall<T>& call, Partial<T> into, Combine combine) {
    // as the flash backend does
    attend_panels(call, call.chunk_offset > 0 ? all_seen(call.masking) : call.masking, into, combine);
}

template <class T> void attend(const AttendCall<T>& call, Partial<T> into, Combine combine) {
    attend_panels(call, moved(call.masking, call.chunk_offset), into, combine);
}

template <class T> Method<T> method(Rung rung, Index ranks, bool causal) {
    if (rung == Rung::principled) return attend<T>;
    if (rung == Rung::after) return ranks > 1 ? online_softmax_attention<T> : compute_attention<T>;
    if (ranks > 1) return causal ? online_softmax_attention<T> : compute_attention_standard<T>;
    return causal ? simple_attention<T> : compute_attention_chunk<T>;
}

#define DRA_INSTANTIATE(T)                                                               \
    template void simple_attention(const AttendCall<T>&, Partial<T>, Combine);           \
    template void compute_attention_chunk(const AttendCall<T>&, Partial<T>, Combine);    \
    template void compute_attention_standard(const AttendCall<T>&, Partial<T>, Combine); \
    template void online_softmax_attention(const AttendCall<T>&, Partial<T>, Combine);   \
    template void compute_attention(const AttendCall<T>&, Partial<T>, Combine);          \
    template void attend(const AttendCall<T>&, Partial<T>, Combine);                     \
    template Method<T> method(Rung, Index, bool);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)

} // namespace dra::published::fix_4
