#include "reference/attention/dilated_attention_gradient.hpp"

#include "reference/attention/extended_sums.hpp"
#include "reference/attention/left_out.hpp"
#include "reference/attention/workspace_memory.hpp"

#include <utility>

namespace dra {
namespace {

template <class T> struct Tensors {
    InputsView<T> inputs;
    TensorView<const T> dout;
    const Lse<T>& lse;
    const Lse<Extended<T>>& delta;
    GradientsView<T> into;

    GradientHead<T> head(Index b, Index h, const Positions& rows, const Dropout& dropout) const {
        return {inputs.q.rows(b, h, rows), dout.rows(b, h, rows),    lse.rows(b, h, rows),
                delta.rows(b, h, rows),    into.dq.rows(b, h, rows), dropout};
    }
};

/// The waves of one pattern.
template <class T> class Waves {
public:
    Waves(const Plan& plan, Index pattern, const Views& views, std::vector<GradientSlot<T>>& slots)
        : problem_(plan.problem), views_(views), shape_(plan.gradient_waves[pattern]),
          query_blocks_(ceil_div(views.longest(), kernel::query_block<T>)), slots_(slots) {
        for (Index slot = 0; slot < shape_.views; ++slot) clear(slot); // room for rows of this pattern: there is
    }

    /// All views, wave after wave: the team packs keys, shares out the parts, the last, to which causal views show
    /// most, first, and adds up. Called by every thread of the team.
    void run(int threads, const Tensors<T>& t, kernel::GradientPanels<T>& space) {
        const Index key_blocks = ceil_div(views_.longest(), kernel::key_block);
        for (Index first = 0; first < views_.count(); first += shape_.views) {
            const Index n = std::min(shape_.views, views_.count() - first);
            const auto for_key_blocks = [&](const auto& work) {
                share_out(threads, n * key_blocks, [&](Index item) {
                    const View view = views_[first + item / key_blocks];
                    work(item / key_blocks, view, keys_of_block(item % key_blocks, view));
                });
            };
            for_key_blocks([&](Index slot, const View& view, const Interval& keys) { pack(slot, view, keys, t); });
            share_out(threads, n * shape_.parts, [&](Index item) {
                run_part(item % n, views_[first + item % n], shape_.parts - 1 - item / n, t, space);
            });
            for_key_blocks([&](Index slot, const View& view, const Interval& keys) { add_up(slot, view, keys, t); });
        }
    }

private:
    /// What parts are made of: query blocks of the queries of one head after the other.
    Index items() const { return problem_.query_heads_per_kv_head() * query_blocks_; }

    GradientSlot<T>& at(Index slot) { return slots_[slot]; }
    void clear(Index slot) { at(slot).resize(views_.longest(), problem_.head_dim, shape_.parts); }

    static Interval keys_of_block(Index number, const View& view) {
        return {number * kernel::key_block, std::min((number + 1) * kernel::key_block, view.positions.count)};
    }

    void pack(Index slot, const View& view, const Interval& keys, const Tensors<T>& t) {
        at(slot).packed.pack(t.inputs.k.rows(view.b, view.g, view.positions),
                             t.inputs.v.rows(view.b, view.g, view.positions), keys.begin, keys.end);
    }

    void run_part(Index slot, const View& view, Index part, const Tensors<T>& t, kernel::GradientPanels<T>& space) {
        kernel::KeyGradients<T>& key_gradients = at(slot).parts[part];
        key_gradients.resize(views_.longest(), problem_.head_dim);
        for (Index item = part * items() / shape_.parts; item < (part + 1) * items() / shape_.parts; ++item) {
            const Index h = view.g * problem_.query_heads_per_kv_head() + item / query_blocks_,
                        i0 = item % query_blocks_ * kernel::query_block<T>;
            const Interval rows{i0, std::min(i0 + kernel::query_block<T>, view.positions.count)};
            if (rows.size() <= 0) continue;
            const Dropout dropout{problem_, view.b, h};
            const kernel::ExtentPanels visible{{view.positions, view.positions, problem_.causal}, dropout};
            kernel::add_gradients(t.head(view.b, h, view.positions, dropout),
                                  kernel::PackedView{at(slot).packed, visible, static_cast<T>(problem_.softmax_scale)},
                                  rows, view.combine, key_gradients, space);
        }
    }

    void add_up(Index slot, const View& view, const Interval& keys, const Tensors<T>& t) {
        const auto again = [&](Index j, Index d, kernel::Row<T>& dk, kernel::Row<T>& dv) {
            std::vector<GradientHead<T>> heads;
            for (Index h = view.g * problem_.query_heads_per_kv_head();
                 h < (view.g + 1) * problem_.query_heads_per_kv_head(); ++h)
                heads.push_back(t.head(view.b, h, view.positions, {problem_, view.b, h}));
            kernel::ExtendedKeyGradients<T>{at(slot).packed,
                                            {view.positions, view.positions, problem_.causal},
                                            static_cast<T>(problem_.softmax_scale),
                                            heads}(j, d, dk, dv);
        };
        kernel::add_up<T>(
            {at(slot).parts.data(), static_cast<std::size_t>(shape_.parts)},
            {t.into.dk.rows(view.b, view.g, view.positions), t.into.dv.rows(view.b, view.g, view.positions)},
            static_cast<T>(problem_.softmax_scale), keys, view.combine, again);
    }

    const Problem& problem_;
    const Views& views_;
    GradientWave shape_;
    Index query_blocks_;
    std::vector<GradientSlot<T>>& slots_;
};

/// Rows that a head's first pattern leaves out get none of its gradients: 0. Called by every thread of the team.
template <class T> void clear_left_out(const Plan& plan, Index pattern, const Views& views, const Tensors<T>& t) {
    const Index group = plan.problem.query_heads_per_kv_head();
    for_each_left_out(plan.threads, plan.problem, pattern, views, [&](Index b, Index g, const Positions& rows) {
        t.into.dk.rows(b, g, rows).setZero();
        t.into.dv.rows(b, g, rows).setZero();
        for (Index h = g * group; h < (g + 1) * group; ++h) t.into.dq.rows(b, h, rows).setZero();
    });
}

/// delta of every row. Called by every thread of the team.
template <class T> void find_delta(const Plan& plan, TensorView<const T> dout, TensorView<const T> out,
                                   Lse<Extended<T>>& delta, kernel::GradientPanel<T>& scratch) {
    const Problem& problem = plan.problem;
    const Index shares = ceil_div(problem.tokens, kernel::key_block);
    share_out(plan.threads, problem.batch * problem.heads * shares, [&](Index item) {
        const Index b = item / shares / problem.heads, h = item / shares % problem.heads,
                    begin = item % shares * kernel::key_block;
        const Positions rows{begin, 1, std::min(kernel::key_block, problem.tokens - begin)};
        kernel::find_delta(dout.rows(b, h, rows), out.rows(b, h, rows), delta.rows(b, h, rows), scratch.dout,
                           scratch.q);
    });
}

/// delta by the output of one pattern alone. Called by every thread of the team.
template <class T> void find_delta_of_pattern(const Plan& plan, const Views& views, const Tensors<T>& t,
                                              Lse<Extended<T>>& delta, PatternAlone<T>& alone,
                                              kernel::GradientPanel<T>& scratch) {
    const Problem& problem = plan.problem;
    share_out(plan.threads, views.count() * problem.query_heads_per_kv_head(), [&](Index item) {
        const auto [b, g, segment, pattern, rows, combine] = views[item / problem.query_heads_per_kv_head()];
        const Index h = g * problem.query_heads_per_kv_head() + item % problem.query_heads_per_kv_head();
        auto& [packed, panels, out, lse] = alone;
        packed.resize(rows.count, problem.head_dim);
        packed.pack(t.inputs.k.rows(b, g, rows), t.inputs.v.rows(b, g, rows), 0, rows.count);
        const Eigen::OuterStride<> apart(problem.head_dim);
        const kernel::ExtentPanels visible{{rows, rows, problem.causal}, {problem, b, h}};
        kernel::attend_rows(
            t.inputs.q.rows(b, h, rows), kernel::PackedView{packed, visible, static_cast<T>(problem.softmax_scale)},
            {{out.data(), rows.count, problem.head_dim, apart}, {lse.data(), rows.count, Eigen::InnerStride<>(1)}},
            Combine::store, panels);
        kernel::find_delta<T>(t.dout.rows(b, h, rows), {out.data(), rows.count, problem.head_dim, apart},
                              delta.rows(b, h, rows), scratch.dout, scratch.q);
    });
}

} // namespace

template <class T> void dilated_attention_gradient(const Plan& plan, const InputsView<T>& inputs,
                                                   const AttentionView<const T>& result, TensorView<const T> dout,
                                                   const GradientsView<T>& into, GradientWorkspace<T>& workspace) {
    const Problem& problem = plan.problem;
    auto& memory = workspace.memory();
    const Tensors<T> tensors{inputs, dout, result.lse, memory.delta, into};
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        Waves<T> waves(plan, pattern, views, memory.wave);
        with_team(plan.threads, [&](int thread) {
            kernel::GradientPanel<T>& scratch = memory.panels[thread].panels[0];
            if (problem.mode == Mode::mixture && problem.stop_gradient_mixing)
                find_delta_of_pattern(plan, views, tensors, memory.delta, memory.alone[thread], scratch);
            else if (pattern == 0)
                find_delta(plan, dout, result.out, memory.delta, scratch);
            clear_left_out(plan, pattern, views, tensors);
            waves.run(plan.threads, tensors, memory.panels[thread]);
        });
    }
    if (problem.mode == Mode::mixture && problem.patterns() > 1 && !problem.stop_gradient_mixing)
        kernel::ExtendedSums<T>{problem, inputs, result, dout}.mend(into);
}

template <class T> void dilated_attention_gradient(const Problem& problem, const InputsView<T>& inputs,
                                                   const AttentionView<const T>& result, TensorView<const T> dout,
                                                   const GradientsView<T>& into) {
    const Plan plan = make_plan(problem);
    GradientWorkspace<T> workspace(plan);
    dilated_attention_gradient(plan, inputs, result, dout, into, workspace);
}

template <class T> Gradients<T> dilated_attention_gradient(const Problem& problem, const InputsView<T>& inputs,
                                                           const AttentionView<const T>& result,
                                                           TensorView<const T> dout) {
    Gradients<T> gradients{Tensor<T>(problem.q_shape()), Tensor<T>(problem.kv_shape()), Tensor<T>(problem.kv_shape())};
    dilated_attention_gradient<T>(problem, inputs, result, dout, gradients);
    return gradients;
}

#define DRA_INSTANTIATE(T)                                                                                         \
    template void dilated_attention_gradient(const Plan&, const InputsView<T>&, const AttentionView<const T>&,     \
                                             TensorView<const T>, const GradientsView<T>&, GradientWorkspace<T>&); \
    template void dilated_attention_gradient(const Problem&, const InputsView<T>&, const AttentionView<const T>&,  \
                                             TensorView<const T>, const GradientsView<T>&);                        \
    template Gradients<T> dilated_attention_gradient(const Problem&, const InputsView<T>&,                         \
                                                     const AttentionView<const T>&, TensorView<const T>);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
