#include "distributed/backends/attention_by_threads.hpp"
#include "reference/ring/shard.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>

namespace dra::test {
namespace {

using namespace distributed;

/// A mixture with grouped-query heads, whose segments are no multiples of what a rank owns.
Question mixture(Index ranks, bool causal) {
    Question asked{{1, 29, 4, 4}, 2, {{29, 12, 5}, {3, 2, 1}, Mode::mixture, {}, causal}};
    asked.configuration.ranks = ranks;
    return asked;
}

/// The bytes of a rank's own results.
template <class T> std::vector<T> elements(const DistributedAttention<T>& attention) {
    std::vector<T> all;
    for (const Operand operand : {Operand::out, Operand::lse, Operand::dq, Operand::dk, Operand::dv}) {
        const TensorView<const T> own = attention.own(operand);
        for (Index b = 0; b < own.shape().batch; ++b)
            for (Index n = 0; n < own.shape().tokens; ++n)
                for (Index h = 0; h < own.shape().heads; ++h)
                    all.insert(all.end(), own.row(b, n, h), own.row(b, n, h) + own.shape().head_dim);
    }
    return all;
}

/// How many of `reruns` have other bits than the first run.
template <class T>
Index different_reruns(const GradientInputs<T>& inputs, Strategy strategy, Layout layout, Index reruns) {
    const Problem problem = inputs.on_ring(inputs.problem.ranks, layout);
    const auto q = scatter(problem, inputs.q.view()), k = scatter(problem, inputs.k.view()),
               v = scatter(problem, inputs.v.view()), dout = scatter(problem, inputs.dout.view());
    std::atomic<Index> different = 0;
    ThreadWorld world(problem.ranks);
    run_ranks(world, [&](Communicator& communicator) {
        const Index rank = communicator.rank();
        DistributedAttention<T> attention(communicator, problem, strategy, {q[rank].rows, k[rank].rows, v[rank].rows},
                                          dout[rank].rows.view());
        std::vector<T> first;
        for (Index run = 0; run <= reruns; ++run) {
            attention.run();
            attention.run_gradient();
            const std::vector<T> found = elements(attention);
            if (run == 0) first = found;
            different += std::memcmp(found.data(), first.data(), found.size() * sizeof(T)) != 0;
        }
    });
    return different;
}

template <class T> void check_reruns(const Question& asked) {
    CAPTURE(asked);
    const GradientInputs<T> inputs(asked);
    for (const Strategy strategy : all_strategies)
        for (const Layout layout : layouts) {
            CAPTURE(name(strategy));
            CAPTURE(name(layout));
            CHECK(different_reruns(inputs, strategy, layout, 20) == 0);
        }
}

TEST_CASE_TEMPLATE("twenty reruns give the same bits, forward and backward, every strategy and layout", T, float,
                   double) {
    for (const bool causal : {false, true}) check_reruns<T>(mixture(3, causal));
    Question other = mixture(3, true);
    other.configuration.stop_gradient_mixing = true;
    other.configuration.dropout = 0.2;
    other.configuration.dropout_seed = 11;
    check_reruns<T>(other);
}

TEST_CASE_TEMPLATE("a mixture on ranks is within the bounds, with stopped mixing and dropout, too", T, float, double) {
    double worst = 0;
    for (const bool causal : {false, true})
        for (const bool constant : {false, true})
            for (const double dropout : {0.0, 0.2}) {
                Question asked = mixture(4, causal);
                asked.configuration.stop_gradient_mixing = constant;
                asked.configuration.dropout = dropout;
                const GradientInputs<T> inputs(asked);
                const Oracle truth = inputs.truth();
                for (const Strategy strategy : all_strategies)
                    for (const Layout layout : layouts) {
                        CAPTURE(asked);
                        CAPTURE(name(strategy));
                        CAPTURE(name(layout));
                        const AllRanks<T> all =
                            attention_by_threads<T>(inputs.on_ring(4, layout), strategy, inputs, inputs.dout.view());
                        const ErrorRatios ratios = error_ratios(inputs.problem, truth, all.attention, &*all.gradients);
                        CHECK(ratios.within_bounds());
                        worst = std::max({worst, ratios.forward() / forward_bound, of_gradient_bound(ratios)});
                    }
            }
    MESSAGE("largest share of a bound ", worst);
    CHECK(worst <= 1);
}

/// Bytes that the largest rank holds beyond its shards, of L tokens each, where a segment is two of them.
Index most_memory(Strategy strategy, Index ranks, bool gradient) {
    constexpr Index L = 16, H = 4, Hkv = 2, D = 8;
    Question asked{{1, ranks * L, H, D}, Hkv, {{2 * L}, {4}}};
    asked.configuration.ranks = ranks;
    const GradientInputs<float> inputs(asked);
    std::optional<TensorView<const float>> dout;
    if (gradient) dout = inputs.dout.view();
    Index most = 0;
    for (const RankFigures& rank : attention_by_threads<float>(inputs.problem, strategy, inputs, dout).figures)
        most = std::max(most, rank.memory_beyond_shards);
    return most;
}

TEST_CASE("segment gather holds (c - 1) L / r rows of others, however many ranks there are") {
    constexpr Index row = 2 * 8 * sizeof(float); // of both KV heads
    for (const Index ranks : {2, 4, 8}) {
        const Index attention = most_memory(Strategy::segment_gather, ranks, false),
                    both = most_memory(Strategy::segment_gather, ranks, true);
        MESSAGE(ranks, " ranks: ", attention, " bytes, with gradients ", both);
        CHECK(attention == 2 * 16 / 4 * row);  // k, v
        CHECK(both == (6 + 2) * 16 / 4 * row); // k, v, dk, dv, what those lost, and dk, dv that come back
        CHECK(most_memory(Strategy::all_gather, ranks, false) == 2 * (ranks - 1) * 16 * row); // where it grows
    }
}

} // namespace
} // namespace dra::test
