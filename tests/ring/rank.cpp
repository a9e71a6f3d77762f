#include "reference/ring/gradient_rank.hpp"
#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"
#include "reference/ring/round.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

constexpr Index ranks = 5;

/// A mixture whose segments leave the shards.
Question question(Layout layout, bool stop_mixing = false) {
    return {{2, 37, 4, 8},
            2,
            {.segment_lengths = {8, 20},
             .dilation_rates = {1, 3},
             .mode = Mode::mixture,
             .causal = true,
             .ranks = ranks,
             .layout = layout,
             .stop_gradient_mixing = stop_mixing},
            7};
}

TEST_CASE_TEMPLATE("a rank alone, visited by one shard after another, has its rows of ring attention", T, float,
                   double) {
    for (const Layout layout : layouts) {
        const RandomInputs<T> inputs(question(layout));
        const Attention<T> whole = ring_attention<T>(inputs.problem, inputs);
        const KeyShards<T> keys(inputs.problem, inputs);
        const std::vector<Shard<T>> q = scatter<T>(inputs.problem, inputs.q),
                                    out = scatter<T>(inputs.problem, whole.out);
        for (Index p = 0; p < ranks; ++p) {
            Rank<T> rank(inputs.problem, part_of(inputs.problem, q[p]), q[p].rows);
            CHECK((rank.out.flat() == 0).all());
            VisitWorkspace<T> workspace;
            for (const RingStep& step : ring_schedule(inputs.problem, p)) rank.attend(keys[step.owner], workspace);
            CHECK((rank.out.flat() == out[p].rows.flat()).all());
            CHECK((rank.lse.flat() == scatter(whole.lse, q[p].intervals).flat()).all());
        }
    }
}

/// A shard's gradients on their way.
template <class T> struct Travelling {
    Tensor<T> dk, dv, dk_lost, dv_lost;

    explicit Travelling(Shape shape) : dk(shape, T(0)), dv(dk), dk_lost(dk), dv_lost(dk) {}
};

/// Finds the rank's delta, of the whole result or of each pattern alone.
template <class T> void find_delta(GradientRank<T>& rank, Index p, const KeyShards<T>& keys, const Shard<T>& out) {
    const Problem& problem = rank.problem;
    if (!problem.stop_gradient_mixing) return rank.find_delta(0, out.rows);
    for (Index pattern = 0; pattern < problem.patterns(); ++pattern) {
        Rank<T> alone(problem, rank.part, rank.q);
        VisitWorkspace<T> workspace;
        for (const RingStep& step : ring_schedule(problem, p))
            alone.attend(keys[step.owner], pattern, Queries::all(problem), workspace);
        rank.find_delta(pattern, alone.out);
    }
}

TEST_CASE_TEMPLATE("ranks stepped by hand leave the gradients of ring attention, theirs and those of their visitors", T,
                   float, double) {
    for (const Layout layout : layouts)
        for (const bool stop_mixing : {false, true}) {
            const GradientInputs<T> inputs(question(layout, stop_mixing));
            const Problem& problem = inputs.problem;
            const Attention<T> result = ring_attention<T>(problem, inputs);
            const Gradients<T> whole = ring_attention_gradient<T>(problem, inputs, result, inputs.dout);
            const KeyShards<T> keys(inputs.problem, inputs);
            const std::vector<Shard<T>> q = scatter<T>(problem, inputs.q), dout = scatter<T>(problem, inputs.dout),
                                        out = scatter<T>(problem, result.out), dq = scatter<T>(problem, whole.dq),
                                        dk = scatter<T>(problem, whole.dk), dv = scatter<T>(problem, whole.dv);
            std::vector<Lse<T>> lse;
            for (const Shard<T>& shard : q) lse.push_back(scatter(result.lse, shard.intervals));
            std::vector<GradientRank<T>> all;
            std::vector<Travelling<T>> travelling;
            for (std::size_t p = 0; p < q.size(); ++p) {
                all.emplace_back(problem, part_of(problem, q[p]), q[p].rows, dout[p].rows, lse[p]);
                find_delta(all.back(), static_cast<Index>(p), keys, out[p]);
                travelling.emplace_back(keys.k[p].rows.shape());
            }
            for (Index step = 0; step < ranks; ++step)
                for (Index p = 0; p < ranks; ++p) {
                    const Index owner = owner_at(problem, p, step);
                    Travelling<T>& with = travelling[owner];
                    GradientVisitWorkspace<T> workspace;
                    all[p].add({keys[owner], {with.dk, with.dk_lost}, {with.dv, with.dv_lost}}, workspace);
                }
            for (std::size_t p = 0; p < q.size(); ++p) {
                CHECK((all[p].dq.flat() == dq[p].rows.flat()).all());
                CHECK((travelling[p].dk.flat() == dk[p].rows.flat()).all());
                CHECK((travelling[p].dv.flat() == dv[p].rows.flat()).all());
            }
        }
}

} // namespace
} // namespace dra::test
