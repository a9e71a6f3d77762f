#include "distributed/backends/attention_by_threads.hpp"

namespace dra::distributed {
namespace {

/// The time that something takes: on the rank's clock of the model, or on the wall.
template <class Work> double seconds_of(ThreadWorld& world, Index rank, bool model_time, Work work) {
    const double model_before = world.model_seconds(rank);
    const Clock::time_point before = Clock::now();
    work();
    return model_time ? world.model_seconds(rank) - model_before
                      : std::chrono::duration<double>(Clock::now() - before).count();
}

/// An exchange of nothing with all others: when it ends, all have begun it, and clocks of a model say the same.
std::unique_ptr<Transfer> make_meeting(Communicator& communicator) {
    Exchange meeting{"meeting", 0, {}, {}};
    for (Index peer = 0; peer < communicator.size(); ++peer)
        if (peer != communicator.rank()) {
            meeting.sends.push_back({peer, {}});
            meeting.receives.push_back({peer, {}});
        }
    return communicator.transfer(std::move(meeting));
}

/// Copies a rank's own rows to their places in the whole.
template <class T> void put(TensorView<const T> own, const std::vector<Interval>& intervals, TensorView<T> whole) {
    for (Index row = 0; const auto& [begin, end] : intervals) {
        const Index count = end - begin;
        for (Index b = 0; b < own.shape().batch && count > 0; ++b)
            for (Index h = 0; h < own.shape().heads; ++h)
                whole.rows(b, h, {begin, 1, count}) = own.rows(b, h, {row, 1, count});
        row += count;
    }
}

} // namespace

template <class T> AllRanks<T> attention_by_threads(const Problem& problem, Strategy strategy,
                                                    const InputsView<T>& inputs,
                                                    std::optional<TensorView<const T>> dout, const Link& link,
                                                    Clock::duration timeout, Index runs) {
    const std::vector<Shard<T>> q = scatter(problem, inputs.q), k = scatter(problem, inputs.k),
                                v = scatter(problem, inputs.v),
                                dout_shards = dout ? scatter(problem, *dout) : std::vector<Shard<T>>();
    AllRanks<T> all{{Tensor<T>(problem.q_shape()), Lse<T>(problem.batch, problem.heads, problem.tokens)},
                    {},
                    std::vector<RankFigures>(q.size())};
    if (dout)
        all.gradients = {Tensor<T>(problem.q_shape()), Tensor<T>(problem.kv_shape()), Tensor<T>(problem.kv_shape())};

    ThreadWorld world(problem.ranks, link, timeout);
    run_ranks(world, [&](Communicator& communicator) {
        const Index rank = communicator.rank();
        const std::vector<Interval>& intervals = q[rank].intervals;
        std::optional<TensorView<const T>> own_dout;
        if (dout) own_dout = dout_shards[rank].rows.view();
        DistributedAttention<T> attention(communicator, problem, strategy, {q[rank].rows, k[rank].rows, v[rank].rows},
                                          own_dout);
        RankFigures& figures = all.figures[rank];
        const std::unique_ptr<Transfer> meeting = make_meeting(communicator);
        const auto time_of = [&](auto run) {
            meeting->start();
            meeting->wait();
            return seconds_of(world, rank, link.model_time, run);
        };
        for (Index run = 0; run < runs; ++run) {
            figures.seconds = time_of([&] { attention.run(); });
            if (dout) figures.gradient_seconds = time_of([&] { attention.run_gradient(); });
        }
        figures.attention = attention.cost(PassName::attention);
        figures.gradient = attention.cost(PassName::gradient);
        figures.memory_beyond_shards = attention.memory_beyond_shards();
        put(attention.own(Operand::out), intervals, all.attention.out.view());
        put(attention.own(Operand::lse), intervals, as_tensor(all.attention.lse));
        if (!dout) return;
        put(attention.own(Operand::dq), intervals, all.gradients->dq.view());
        put(attention.own(Operand::dk), intervals, all.gradients->dk.view());
        put(attention.own(Operand::dv), intervals, all.gradients->dv.view());
    });
    return all;
}

#define DRA_INSTANTIATE(T)                                                                                      \
    template AllRanks<T> attention_by_threads(const Problem&, Strategy, const InputsView<T>&,                   \
                                              std::optional<TensorView<const T>>, const Link&, Clock::duration, \
                                              Index);
DRA_INSTANTIATE(float)
DRA_INSTANTIATE(double)
#undef DRA_INSTANTIATE

} // namespace dra::distributed
