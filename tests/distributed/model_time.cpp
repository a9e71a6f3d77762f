#include "distributed/backends/attention_by_threads.hpp"
#include "tests/distributed/strided_block.hpp"
#include "tests/gradients.hpp"

#include <doctest/doctest.h>

namespace dra::test {
namespace {

using namespace distributed;

bool equal(double x, double y, double tolerance) { return std::abs(x - y) <= tolerance * std::abs(y); }

/// The clocks' last one, where every rank of a ring hands on what it received, and computes for so many FLOPs per step.
double seconds_of_ring(Index ranks, const Link& link, double flops, bool in_series) {
    ThreadWorld world(ranks, link);
    run_ranks(world, [&](Communicator& communicator) {
        const Index rank = communicator.rank();
        StridedBlock buffers[] = {{100, 8, 8}, {100, 8, 8}};
        std::unique_ptr<Transfer> hops[2]; // of even and of odd steps
        for (const Index odd : {0, 1})
            hops[odd] = communicator.transfer({"hop",
                                               odd,
                                               {{(rank + 1) % ranks, buffers[odd].rows()}},
                                               {{(rank + ranks - 1) % ranks, buffers[1 - odd].mutable_rows()}}});
        for (Index step = 0; step < ranks; ++step) {
            const bool is_last = step + 1 == ranks;
            if (!is_last && !in_series) hops[step % 2]->start();
            communicator.spend(flops);
            if (!is_last && in_series) hops[step % 2]->start();
            if (!is_last) hops[step % 2]->wait();
        }
    });
    double last = 0;
    for (Index rank = 0; rank < ranks; ++rank) last = std::max(last, world.model_seconds(rank));
    return last;
}

TEST_CASE("a ring of two buffers takes (R - 1) max(c, t) + c, one in series (R - 1) (c + t) + c, every time") {
    constexpr Index ranks = 4;
    const Link link{.bandwidth = 16'000, .latency = 0.0005, .model_time = true, .flops_per_second = 1e6};
    constexpr double t = 800 / 16e3 + 0.0005; // 50.5 ms
    double worst = 0;
    for (const double c : {0.02, 0.05, 0.1})
        for (int again = 0; again < 50; ++again) {
            const double overlapped = (ranks - 1) * std::max(c, t) + c, series = (ranks - 1) * (c + t) + c;
            worst = std::max(worst, std::abs(seconds_of_ring(ranks, link, c * 1e6, false) / overlapped - 1));
            worst = std::max(worst, std::abs(seconds_of_ring(ranks, link, c * 1e6, true) / series - 1));
        }
    MESSAGE("largest relative difference ", worst);
    CHECK(worst <= 1e-12);
}

/// An even problem on links: R ranks of L tokens each, segments of c ranks, one pattern; not causal, float.
struct Pipeline {
    Index R, c, r;
    Link link;
    static constexpr Index L = 4, H = 24, Hkv = 12, D = 2;

    Question question() const {
        Question asked{{1, R * L, H, D}, Hkv, {{c * L}, {r}}};
        asked.configuration.ranks = R;
        return asked;
    }

    /// Seconds of so many floats on a link, and of the work of a rank's queries on the keys of one rank.
    double transfer(Index floats) const { return static_cast<double>(floats) * 4 / link.bandwidth; }
    double work(double flops_per_pair) const {
        return flops_per_pair * static_cast<double>(D * H * (L / r) * (L / r)) / link.flops_per_second;
    }

    /// The closed forms of README.md, which has the symbols: attention, or its gradient.
    double seconds(Strategy strategy, bool gradient) const {
        const double a = work(gradient ? 10 : 4), t = transfer(2 * L * Hkv * D), m = t / static_cast<double>(r),
                     latency = R > 1 ? link.latency : 0, others = static_cast<double>(R - 1),
                     ca = static_cast<double>(c) * a;
        switch (strategy) {
        case Strategy::replicate:
            return others * transfer(L * D * (gradient ? H : H + 2 * Hkv)) + latency + static_cast<double>(R) * ca;
        case Strategy::heads:
            return others * transfer(L * D * (gradient ? H : H + 2 * Hkv) / R) + latency + ca +
                   others * transfer(gradient ? L * D * (H + 2 * Hkv) / R : L * (D + 1) * H / R) + latency;
        case Strategy::all_gather: return gradient ? returns(R, a, t) : others * t + latency + ca;
        case Strategy::ring: return gradient ? ring_gradient(a, t) : ring(a, t);
        case Strategy::dilated_ring:
            if (gradient) return returns(c, a, m);
            return static_cast<double>(c - 1) * std::max(a, m + latency) + a;
        case Strategy::segment_gather: break;
        }
        if (gradient) return returns(c, a, m);
        if (c == 1) return a;
        return std::max({ca, m + latency + ca - a, static_cast<double>(c - 1) * m + latency + a});
    }

    /// Work on the rows of c - 1 others, then on the rank's own; the first returns leave after the first work, to `ranks`
    /// - 1 owners in all.
    double returns(Index ranks, double a, double t) const {
        const double ca = static_cast<double>(c) * a, others = static_cast<double>(ranks - 1);
        if (ranks == 1) return ca;
        if (c == 1) return std::max(a, others * t + link.latency);
        return std::max(ca, std::max(a + others * t, ca - a + static_cast<double>(ranks - c + 1) * t) + link.latency);
    }

    /// The work at a step of the ring that holds up the others: some rank has it, and ranks wait for their neighbours.
    double step_of_ring(Index s, double a) const { return s < c || s > R - c ? a : 0; }

    double ring(double a, double t) const {
        double seconds = step_of_ring(R - 1, a);
        for (Index s = 0; s < R - 1; ++s) seconds += std::max(step_of_ring(s, a), t + link.latency);
        return seconds;
    }

    double ring_gradient(double a, double t) const {
        if (R == 1) return a;
        double seconds = t + link.latency; // what comes back last
        for (Index s = 0; s < R; ++s) {
            const auto transfers = static_cast<double>((s < R - 1) + (s >= 2)); // a hop, and what comes back
            seconds += std::max(step_of_ring(s, a), transfers > 0 ? transfers * t + link.latency : 0);
        }
        return seconds;
    }
};

/// Of the rank that receives or holds most, in bytes of floats.
struct Bytes {
    Index received = 0, received_for_gradient = 0, held = 0, held_for_both = 0;
    bool operator==(const Bytes&) const = default;
};

Bytes costs(Strategy strategy, const Problem& problem) {
    Bytes most;
    const auto raise = [](Index& bytes, Index to) { bytes = std::max(bytes, to); };
    for (Index rank = 0; rank < problem.ranks; ++rank) {
        raise(most.received, cost(strategy, problem, rank, PassName::attention, 4).bytes_received);
        raise(most.received_for_gradient, cost(strategy, problem, rank, PassName::gradient, 4).bytes_received);
        raise(most.held, memory_beyond_shards(strategy, problem, rank, false, 4));
        raise(most.held_for_both, memory_beyond_shards(strategy, problem, rank, true, 4));
    }
    return most;
}

TEST_CASE("what a rank receives and holds is the closed form of an even problem") {
    constexpr Index L = Pipeline::L, K = Pipeline::Hkv * Pipeline::D * 4, Q = Pipeline::H * Pipeline::D * 4,
                    lse = Pipeline::H * 4;
    for (const auto& [ranks, c] : {std::pair<Index, Index>{3, 3}, {4, 2}, {6, 3}, {6, 1}}) {
        const Index R = ranks, N = R * L, others = (R - 1) * L, needed = (c - 1) * L / 2;
        const Problem problem = RandomInputs<float>(Pipeline{R, c, 2, {}}.question()).problem;
        CAPTURE(R);
        CHECK(costs(Strategy::replicate, problem) ==
              Bytes{others * (Q + 2 * K), others * Q, N * (3 * Q + 2 * lse + 2 * K), N * (6 * Q + 2 * lse + 6 * K)});
        CHECK(costs(Strategy::all_gather, problem) ==
              Bytes{others * 2 * K, others * 2 * K, others * 2 * K, others * 8 * K});
        CHECK(costs(Strategy::ring, problem) == Bytes{others * 2 * K, others * 4 * K, L * 4 * K, L * 14 * K});
        for (const Strategy strategy : {Strategy::dilated_ring, Strategy::segment_gather})
            CHECK(costs(strategy, problem) == Bytes{needed * 2 * K, needed * 2 * K, needed * 2 * K, needed * 8 * K});
        CHECK(costs(Strategy::heads, problem) == Bytes{others * (2 * Q + lse + 2 * K) / R, others * (2 * Q + 2 * K) / R,
                                                       L * (3 * Q + 2 * lse + 2 * K),
                                                       L * (6 * Q + 2 * lse + 6 * K) + others * 2 * K / R});
    }
}

double largest(const std::vector<RankFigures>& figures, double RankFigures::*seconds) {
    double largest = 0;
    for (const RankFigures& rank : figures) largest = std::max(largest, rank.*seconds);
    return largest;
}

TEST_CASE(
    "attention and its gradient take the closed form of the strategy's pipeline, and it costs time to move rows") {
    constexpr std::pair<Index, Index> sizes[] = {{1, 1}, {2, 1}, {3, 3}, {4, 2}, {4, 4}, {6, 3}};
    double worst = 0;
    for (const auto& [R, c] : sizes)
        for (const double bandwidth : {2e6, 1e7, 1e8}) { // transfer dominates, neither, compute
            const Pipeline pipeline{
                R, c, 2, {.bandwidth = bandwidth, .latency = 5e-6, .model_time = true, .flops_per_second = 1e7}};
            const GradientInputs<float> inputs(pipeline.question());
            for (const Strategy strategy : all_strategies) {
                const AllRanks<float> all =
                    attention_by_threads<float>(inputs.problem, strategy, inputs, inputs.dout.view(), pipeline.link);
                const double seconds[] = {largest(all.figures, &RankFigures::seconds),
                                          largest(all.figures, &RankFigures::gradient_seconds)};
                for (const bool gradient : {false, true}) {
                    const double expected = pipeline.seconds(strategy, gradient);
                    INFO(name(strategy), std::string(gradient ? ", gradient" : ""), ", R ", pipeline.R, ", c ",
                         pipeline.c, ", bandwidth ", bandwidth);
                    CHECK(equal(seconds[gradient], expected, 1e-9));
                    worst = std::max(worst, std::abs(seconds[gradient] / expected - 1));
                }
            }
        }
    MESSAGE("largest relative difference ", worst);
    CHECK(worst <= 1e-9);
}

TEST_CASE("model time is the same bit for bit, however the threads are scheduled") {
    Question asked{{1, 40, 4, 4}, 2, {{40, 16}, {2, 1}, Mode::mixture, {}, true}};
    asked.configuration.ranks = 4;
    const GradientInputs<float> inputs(asked);
    const Link link{.bandwidth = 1e6, .latency = 1e-5, .model_time = true, .flops_per_second = 1e7};
    for (const Strategy strategy : all_strategies) {
        const auto seconds = [&] {
            std::vector<double> all;
            for (const RankFigures& rank :
                 attention_by_threads<float>(inputs.problem, strategy, inputs, inputs.dout.view(), link).figures)
                all.push_back(rank.seconds), all.push_back(rank.gradient_seconds);
            return all;
        };
        const std::vector<double> first = seconds();
        CHECK(first.front() > 0);
        for (int again = 1; again < 20; ++again) CHECK(seconds() == first);
    }
}

} // namespace
} // namespace dra::test
