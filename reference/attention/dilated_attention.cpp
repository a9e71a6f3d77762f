#include "reference/attention/dilated_attention.hpp"

#include "reference/attention/panel.hpp"
#include "reference/attention/views.hpp"

#include <omp.h>

namespace dra {
namespace {

/// Rows packed at a time: large enough that a barrier costs nothing, small enough to stay near the cores.
constexpr Index wave_rows = 16384;

template <class T> struct Tensors {
    TensorView<const T> q, k, v;
    TensorView<T> out;
    Lse<T>& lse;

    Partial<T> partial(Index b, Index h, const Positions& rows) const {
        return {out.rows(b, h, rows), lse.rows(b, h, rows)};
    }
};

/// Queries that a thread takes at once: whole bundles, unless that left threads without work.
template <class T> Index bundle_of(Index queries) {
    const Index panels_a_thread = queries / kernel::lanes<T> / omp_get_num_threads();
    return kernel::lanes<T> * std::clamp<Index>(panels_a_thread / 4, 1, kernel::bundle);
}

/// All views of one pattern, in waves: the team packs the keys of a wave, then shares out its panels, the longest
/// first. Called by every thread of a parallel region.
template <class T> void attend_views(const Problem& problem, const Views& views, const Tensors<T>& t,
                                     std::vector<kernel::Packed<T>>& wave, kernel::PanelWorkspace<T>& space) {
    const Index group = problem.group_size(), slots = static_cast<Index>(wave.size());
    const Index parts = ceil_div(views.longest(), kernel::block);
    for (Index first = 0; first < views.count(); first += slots) {
        const Index n = std::min(slots, views.count() - first);
        const Index bundle = bundle_of<T>(n * group * views.longest()), bundles = ceil_div(views.longest(), bundle);

#pragma omp for collapse(2) schedule(dynamic)
        for (Index slot = 0; slot < n; ++slot)
            for (Index part = 0; part < parts; ++part) {
                const View view = views[first + slot];
                const Index begin = part * kernel::block, end = std::min(begin + kernel::block, view.positions.count);
                wave[static_cast<std::size_t>(slot)].pack(t.k.rows(view.b, view.g, view.positions),
                                                          t.v.rows(view.b, view.g, view.positions), begin, end);
            }

#pragma omp for collapse(3) schedule(dynamic)
        for (Index slot = 0; slot < n; ++slot)
            for (Index j = 0; j < group; ++j)
                for (Index last = bundles - 1; last >= 0; --last) {
                    const View view = views[first + slot];
                    const Index h = view.g * group + j, i0 = last * bundle;
                    const Index rows = std::min(bundle, view.positions.count - i0);
                    if (rows <= 0) continue;
                    const kernel::ExtentPanels visible{{view.positions, view.positions, problem.causal}};
                    kernel::attend_panels(t.q.rows(view.b, h, view.positions), wave[static_cast<std::size_t>(slot)],
                                          visible, static_cast<T>(problem.softmax_scale), i0, rows,
                                          t.partial(view.b, h, view.positions), view.combine, space);
                }
    }
}

/// Rows that a head's first pattern leaves out become the identity of merge. Called by every thread of a parallel
/// region.
template <class T> void clear_left_out(const Problem& problem, Index pattern, const Views& views, const Tensors<T>& t) {
    const Index others = problem.dilation_rates[static_cast<std::size_t>(pattern)] - 1;
#pragma omp for collapse(2)
    for (Index i = 0; i < views.count(); ++i)
        for (Index other = 0; other < others; ++other) {
            const View view = views[i];
            if (view.combine != Combine::store) continue;
            const Pattern left_out{view.pattern.segment_length, view.pattern.dilation_rate,
                                   (view.pattern.phase + 1 + other) % view.pattern.dilation_rate};
            for (Index j = 0; j < problem.group_size(); ++j)
                clear(t.partial(view.b, view.g * problem.group_size() + j,
                                left_out.selected(view.segment, problem.tokens)));
        }
}

} // namespace

template <class T> void dilated_attention(const Problem& problem, TensorView<const T> q, TensorView<const T> k,
                                          TensorView<const T> v, TensorView<T> out, Lse<T>& lse) {
    const Tensors<T> tensors{q, k, v, out, lse};
    std::vector<kernel::PanelWorkspace<T>> spaces(static_cast<std::size_t>(omp_get_max_threads()),
                                                  kernel::PanelWorkspace<T>(problem.head_dim));
    std::vector<kernel::Packed<T>> wave;
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        wave.resize(static_cast<std::size_t>(
            std::clamp<Index>(wave_rows / views.longest(), 1, std::max<Index>(views.count(), 1))));
        for (auto& packed : wave) packed.resize(views.longest(), problem.head_dim);
#pragma omp parallel
        {
            clear_left_out(problem, pattern, views, tensors);
            attend_views(problem, views, tensors, wave, spaces[static_cast<std::size_t>(omp_get_thread_num())]);
        }
    }
}

template <class T> Attention<T> dilated_attention(const Problem& problem, TensorView<const T> q, TensorView<const T> k,
                                                  TensorView<const T> v) {
    Attention<T> result{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    dilated_attention<T>(problem, q, k, v, result.out, result.lse);
    return result;
}

template void dilated_attention(const Problem&, TensorView<const float>, TensorView<const float>,
                                TensorView<const float>, TensorView<float>, Lse<float>&);
template void dilated_attention(const Problem&, TensorView<const double>, TensorView<const double>,
                                TensorView<const double>, TensorView<double>, Lse<double>&);
template Attention<float> dilated_attention(const Problem&, TensorView<const float>, TensorView<const float>,
                                            TensorView<const float>);
template Attention<double> dilated_attention(const Problem&, TensorView<const double>, TensorView<const double>,
                                             TensorView<const double>);

} // namespace dra
