#include "reference/attention/dilated_attention.hpp"

#include "reference/attention/left_out.hpp"
#include "reference/attention/workspace_memory.hpp"

namespace dra {
namespace {

template <class T> struct Tensors {
    InputsView<T> inputs;
    AttentionView<T> into;

    Partial<T> partial(Index b, Index h, const Positions& rows) const {
        return {into.out.rows(b, h, rows), into.lse.rows(b, h, rows)};
    }
};

/// Queries that a thread takes at once: whole query blocks, unless that left threads without work.
template <class T> Index query_block_of(Index queries, int threads) {
    const Index panels_per_thread = queries / kernel::lanes<T> / threads;
    return kernel::lanes<T> * std::clamp<Index>(panels_per_thread / 4, 1, kernel::panels_per_query_block);
}

/// All views of one pattern, in waves: the team packs the keys of a wave, then shares out its panels, of all
/// heads the longest first. Called by every thread of the team.
template <class T> void attend_views(const Plan& plan, const Views& views, Index wave_size, const Tensors<T>& t,
                                     std::vector<kernel::PackedKeys<T>>& wave, kernel::PanelWorkspace<T>& space) {
    const Problem& problem = plan.problem;
    const Index group = problem.query_heads_per_kv_head(), parts = ceil_div(views.longest(), kernel::key_block);
    for (Index first = 0; first < views.count(); first += wave_size) {
        const Index n = std::min(wave_size, views.count() - first);
        const Index query_rows = query_block_of<T>(n * group * views.longest(), plan.threads),
                    query_blocks = ceil_div(views.longest(), query_rows);

        share_out(plan.threads, n * parts, [&](Index item) {
            const Index slot = item / parts, begin = item % parts * kernel::key_block;
            const View view = views[first + slot];
            wave[slot].pack(t.inputs.k.rows(view.b, view.g, view.positions),
                            t.inputs.v.rows(view.b, view.g, view.positions), begin,
                            std::min(begin + kernel::key_block, view.positions.count));
        });

        share_out(plan.threads, n * group * query_blocks, [&](Index item) {
            const Index slot = item / group % n, last = query_blocks - 1 - item / (group * n);
            const View view = views[first + slot];
            const Index h = view.g * group + item % group, i0 = last * query_rows;
            const Interval rows{i0, std::min(i0 + query_rows, view.positions.count)};
            if (rows.size() <= 0) return;
            const kernel::ExtentPanels visible{{view.positions, view.positions, problem.causal}, {problem, view.b, h}};
            kernel::attend_panels(t.inputs.q.rows(view.b, h, view.positions),
                                  kernel::PackedView{wave[slot], visible, static_cast<T>(problem.softmax_scale)}, rows,
                                  t.partial(view.b, h, view.positions), view.combine, space);
        });
    }
}

/// Rows that a head's first pattern leaves out become the identity of merge. Called by every thread of the team.
template <class T> void clear_left_out(const Plan& plan, Index pattern, const Views& views, const Tensors<T>& t) {
    const Index group = plan.problem.query_heads_per_kv_head();
    for_each_left_out(plan.threads, plan.problem, pattern, views, [&](Index b, Index g, const Positions& rows) {
        for (Index h = g * group; h < (g + 1) * group; ++h) clear(t.partial(b, h, rows));
    });
}

} // namespace

template <class T> void dilated_attention(const Plan& plan, const InputsView<T>& inputs, const AttentionView<T>& into,
                                          Workspace<T>& workspace) {
    const Problem& problem = plan.problem;
    const Tensors<T> tensors{inputs, into};
    auto& memory = workspace.memory();
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        const Views views(problem, pattern);
        const Index wave_size = plan.wave_size[pattern];
        for (Index slot = 0; slot < wave_size; ++slot)
            memory.wave[slot].resize(views.longest(), problem.head_dim); // there is room
        with_team(plan.threads, [&](int thread) {
            clear_left_out(plan, pattern, views, tensors);
            attend_views(plan, views, wave_size, tensors, memory.wave, memory.panels[thread]);
        });
    }
}

template <class T>
void dilated_attention(const Problem& problem, const InputsView<T>& inputs, const AttentionView<T>& into) {
    const Plan plan = make_plan(problem);
    Workspace<T> workspace(plan);
    dilated_attention(plan, inputs, into, workspace);
}

template <class T> Attention<T> dilated_attention(const Problem& problem, const InputsView<T>& inputs) {
    Attention<T> result{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    dilated_attention<T>(problem, inputs, result);
    return result;
}

#define DRA_INSTANTIATE(T)                                                                                      \
    template void dilated_attention(const Plan&, const InputsView<T>&, const AttentionView<T>&, Workspace<T>&); \
    template void dilated_attention(const Problem&, const InputsView<T>&, const AttentionView<T>&);             \
    template Attention<T> dilated_attention(const Problem&, const InputsView<T>&);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra
