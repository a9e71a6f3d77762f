#include "reference/attention/dilated_attention_gradient.hpp"

#include "reference/attention/attend.hpp"
#include "reference/attention/gradient_panel.hpp"
#include "reference/attention/team.hpp"
#include "reference/attention/views.hpp"

#include <utility>

namespace dra {
namespace {

/// Rows packed at a time: large enough that a barrier costs nothing.
constexpr Index wave_rows = 32768;

/// Parts of the queries of a view, each with dk and dv of its own: enough that few long views reach all cores, few
/// enough that adding them up costs little. Not a matter of how many threads there are: results would be.
constexpr Index units_of_wave = 16, most_parts = 8;

template <class T> struct Tensors {
    TensorView<const T> q, k, v, dout;
    const Lse<T>&lse, &delta;
    TensorView<T> dq, dk, dv;

    GradientHead<T> head(Index b, Index h, const Positions& rows) const {
        return {q.rows(b, h, rows), dout.rows(b, h, rows), lse.rows(b, h, rows), delta.rows(b, h, rows),
                dq.rows(b, h, rows)};
    }
};

/// One view of a wave.
template <class T> struct Slot {
    kernel::PackedForGradient<T> packed;
    std::vector<kernel::KeyGradients<T>> parts;
};

/// The waves of one pattern.
template <class T> class Wave {
public:
    Wave(const Problem& problem, const Views& views)
        : problem_(problem), views_(views), bundles_(ceil_div(views.longest(), kernel::bundle_rows<T>)) {
        const Index slots = std::clamp<Index>(wave_rows / views.longest(), 1, std::max<Index>(views.count(), 1));
        parts_ = std::clamp<Index>(ceil_div(units_of_wave, slots), 1, std::min(most_parts, items()));
        slots_.resize(static_cast<std::size_t>(slots));
        for (Slot<T>& slot : slots_) {
            slot.packed.resize(views.longest(), problem.head_dim);
            slot.parts.resize(static_cast<std::size_t>(parts_));
        }
    }

    /// All views, wave after wave: the team packs keys, shares out the parts, the last, to which causal views show
    /// most, first, and adds up. Called by every thread of the team.
    void run(int threads, const Tensors<T>& t, kernel::GradientPanels<T>& space) {
        const auto slots = static_cast<Index>(slots_.size());
        const Index blocks = ceil_div(views_.longest(), kernel::block);
        for (Index first = 0; first < views_.count(); first += slots) {
            const Index n = std::min(slots, views_.count() - first);
            share_out(threads, n * blocks,
                      [&](Index item) { pack(item / blocks, views_[first + item / blocks], item % blocks, t); });
            share_out(threads, n * parts_, [&](Index item) {
                run_part(item % n, views_[first + item % n], parts_ - 1 - item / n, t, space);
            });
            share_out(threads, n * blocks,
                      [&](Index item) { add_up(item / blocks, views_[first + item / blocks], item % blocks, t); });
        }
    }

private:
    /// What parts are made of: bundles of the queries of one head after the other.
    Index items() const { return problem_.group_size() * bundles_; }

    Slot<T>& at(Index slot) { return slots_[static_cast<std::size_t>(slot)]; }

    static Index end_of(Index block, const View& view) {
        return std::min((block + 1) * kernel::block, view.positions.count);
    }

    void pack(Index slot, const View& view, Index block, const Tensors<T>& t) {
        at(slot).packed.pack(t.k.rows(view.b, view.g, view.positions), t.v.rows(view.b, view.g, view.positions),
                             block * kernel::block, end_of(block, view));
    }

    void run_part(Index slot, const View& view, Index part, const Tensors<T>& t, kernel::GradientPanels<T>& space) {
        auto& [packed, parts] = at(slot);
        kernel::KeyGradients<T>& key_gradients = parts[static_cast<std::size_t>(part)];
        key_gradients.clear(view.positions.count, problem_.head_dim);
        for (Index item = part * items() / parts_; item < (part + 1) * items() / parts_; ++item) {
            const Index h = view.g * problem_.group_size() + item / bundles_,
                        i0 = item % bundles_ * kernel::bundle_rows<T>;
            const Index rows = std::min(kernel::bundle_rows<T>, view.positions.count - i0);
            if (rows <= 0) continue;
            kernel::add_gradients(
                t.head(view.b, h, view.positions), packed,
                kernel::ExtentPanels{{view.positions, view.positions, problem_.causal}, {problem_, view.b, h}},
                static_cast<T>(problem_.softmax_scale), i0, rows, key_gradients, space);
        }
    }

    void add_up(Index slot, const View& view, Index block, const Tensors<T>& t) {
        if (block * kernel::block >= view.positions.count) return;
        for (const kernel::KeyGradients<T>& part : at(slot).parts)
            part.add_to(t.dk.rows(view.b, view.g, view.positions), t.dv.rows(view.b, view.g, view.positions),
                        static_cast<T>(problem_.softmax_scale), block * kernel::block, end_of(block, view));
    }

    const Problem& problem_;
    const Views& views_;
    Index bundles_, parts_;
    std::vector<Slot<T>> slots_;
};

/// delta of every row. Called by every thread of the team.
template <class T>
void find_delta(int threads, const Problem& problem, TensorView<const T> dout, TensorView<const T> out, Lse<T>& delta) {
    share_out(threads, problem.batch * problem.heads, [&](Index item) {
        const Index b = item / problem.heads, h = item % problem.heads;
        weighted_mean_gradient<T>(dout.rows(b, h), out.rows(b, h), delta.rows(b, h, {0, 1, problem.tokens}));
    });
}

/// delta by the output of one pattern alone. Called by every thread of the team.
template <class T> void find_delta_of_pattern(int threads, const Problem& problem, const Views& views,
                                              TensorView<const T> q, TensorView<const T> k, TensorView<const T> v,
                                              TensorView<const T> dout, Lse<T>& delta) {
    AttendWorkspace<T> workspace;
    Tensor<T> out({1, views.longest(), 1, problem.head_dim});
    Lse<T> lse(1, 1, views.longest());
    share_out(threads, views.count() * problem.group_size(), [&](Index item) {
        const auto [b, g, segment, pattern, rows, combine] = views[item / problem.group_size()];
        const Index h = g * problem.group_size() + item % problem.group_size();
        const Positions local{0, 1, rows.count};
        const QueryHead<T> head{
            q.rows(b, h, rows), {out.view().rows(0, 0, local), lse.rows(0, 0, local)}, {problem, b, h}};
        attend<T>({&head, 1}, k.rows(b, g, rows), v.rows(b, g, rows), {rows, rows, problem.causal},
                  static_cast<T>(problem.softmax_scale), Combine::store, workspace);
        weighted_mean_gradient<T>(dout.rows(b, h, rows), std::as_const(out).view().rows(0, 0, local),
                                  delta.rows(b, h, rows));
    });
}

/// Zeroes. Called by every thread of the team.
template <class T> void clear(int threads, TensorView<T> x) {
    const Index row = x.shape().heads * x.shape().head_dim;
    share_out(threads, x.size() / row, [&](Index n) { std::fill_n(x.data() + n * row, row, T(0)); });
}

} // namespace

template <class T> void dilated_attention_gradient(const Problem& problem, TensorView<const T> q, TensorView<const T> k,
                                                   TensorView<const T> v, TensorView<const T> out, const Lse<T>& lse,
                                                   TensorView<const T> dout, TensorView<T> dq, TensorView<T> dk,
                                                   TensorView<T> dv) {
    Lse<T> delta(problem.batch, problem.heads, problem.tokens);
    const Tensors<T> tensors{q, k, v, dout, lse, delta, dq, dk, dv};
    const int threads = omp_get_max_threads();
    std::vector<kernel::GradientPanels<T>> spaces(static_cast<std::size_t>(threads),
                                                  kernel::GradientPanels<T>(problem.head_dim));
    with_team(threads, [&](int) {
        clear(threads, dq);
        clear(threads, dk);
        clear(threads, dv);
        find_delta(threads, problem, dout, out, delta);
    });
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        Wave<T> wave(problem, views);
        with_team(threads, [&](int thread) {
            if (problem.mode == Mode::mixture && problem.stop_gradient_mixing)
                find_delta_of_pattern(threads, problem, views, q, k, v, dout, delta);
            wave.run(threads, tensors, spaces[static_cast<std::size_t>(thread)]);
        });
    }
}

template <class T> Gradients<T> dilated_attention_gradient(const Problem& problem, TensorView<const T> q,
                                                           TensorView<const T> k, TensorView<const T> v,
                                                           const Attention<T>& result, TensorView<const T> dout) {
    Gradients<T> gradients{Tensor<T>(problem.q_shape()), Tensor<T>(problem.kv_shape()), Tensor<T>(problem.kv_shape())};
    dilated_attention_gradient<T>(problem, q, k, v, result.out, result.lse, dout, gradients.dq, gradients.dk,
                                  gradients.dv);
    return gradients;
}

#define DRA_INSTANTIATE(T)                                                                                      \
    template void dilated_attention_gradient(const Problem&, TensorView<const T>, TensorView<const T>,          \
                                             TensorView<const T>, TensorView<const T>, const Lse<T>&,           \
                                             TensorView<const T>, TensorView<T>, TensorView<T>, TensorView<T>); \
    template Gradients<T> dilated_attention_gradient(const Problem&, TensorView<const T>, TensorView<const T>,  \
                                                     TensorView<const T>, const Attention<T>&, TensorView<const T>);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
