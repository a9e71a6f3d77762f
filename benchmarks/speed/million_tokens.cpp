#include "benchmarks/speed/million_tokens.hpp"

#include "benchmarks/measuring/available_memory.hpp"
#include "benchmarks/measuring/statistics.hpp"
#include "benchmarks/speed/warm_ranks.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace dra::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Index heads = 4, head_dim = 64, sampled_tokens = 4096;
constexpr Shape shape_of(Index tokens) { return {1, tokens, heads, head_dim}; }

/// q, k or v: whole, or as shards.
class Input {
public:
    Input(const Problem& problem, std::uint64_t seed)
        : problem_(problem), whole_(random_normal<float>(shape_of(problem.tokens), seed)) {}

    const Tensor<float>& whole() {
        if (shards_.empty()) return whole_;
        whole_ = Tensor<float>(shape_of(problem_.tokens));
        gather(shards_, whole_.view());
        shards_.clear();
        return whole_;
    }
    const std::vector<Shard<float>>& shards() {
        if (!shards_.empty()) return shards_;
        shards_ = scatter<float>(problem_, whole_.view());
        whole_ = {};
        return shards_;
    }

private:
    const Problem& problem_;
    Tensor<float> whole_;
    std::vector<Shard<float>> shards_;
};

/// The engine and the ranks at one problem, and what they found in sampled rows.
class Race {
public:
    Race(const Problem& problem, MillionTokens& found)
        : problem_(problem), found_(found), alone_(shape_of(samples())), ranks_(shape_of(samples())) {
        found_.costs.resize(static_cast<std::size_t>(problem.ranks));
        found_.memory.resize(found_.costs.size());
    }

    void to_whole() { q_.whole(), k_.whole(), v_.whole(); }
    void to_shards() { q_.shards(), k_.shards(), v_.shards(); }

    double run_alone() {
        const Plan plan = make_plan(problem_);
        Workspace<float> workspace(plan);
        Attention<float> result{Tensor<float>(problem_.q_shape()), Lse<float>(1, heads, problem_.tokens)};
        const InputsView<float> inputs{q_.whole(), k_.whole(), v_.whole()};
        dilated_attention<float>(plan, inputs, result, workspace);
        const Clock::time_point begin = Clock::now();
        dilated_attention<float>(plan, inputs, result, workspace);
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        keep(result.out.view(), {{0, problem_.tokens}}, alone_);
        return seconds;
    }

    double run_ranks() {
        const InputShards shards{q_.shards(), k_.shards(), v_.shards()};
        return warm_seconds(problem_, Strategy::segment_gather, {}, shards,
                            [&](Index rank, const distributed::DistributedAttention<float>& attention) {
                                found_.costs[rank] = attention.cost(PassName::attention);
                                found_.memory[rank] = attention.memory_beyond_shards();
                                keep(attention.own(Operand::out), shards.q[rank].intervals, ranks_);
                            });
    }

    /// That of the sampled rows, of which every element is compared.
    double error_ratio() const {
        constexpr double u = std::numeric_limits<float>::epsilon();
        const double worst = (alone_.flat() - ranks_.flat()).abs().maxCoeff();
        return alone_.flat().isFinite().all() && ranks_.flat().isFinite().all()
                   ? worst / (u * alone_.flat().abs().maxCoeff())
                   : std::numeric_limits<double>::infinity();
    }

private:
    Index apart() const { return std::max<Index>(1, problem_.tokens / sampled_tokens); }
    Index samples() const { return ceil_div(problem_.tokens, apart()); }

    /// Keeps every so-manieth token of what has these intervals.
    void keep(TensorView<const float> out, const std::vector<Interval>& intervals, Tensor<float>& kept) const {
        Index stored_before = 0;
        for (const auto& [begin, end] : intervals) {
            for (Index sample = ceil_div(begin, apart()); sample * apart() < end; ++sample)
                for (Index h = 0; h < heads; ++h)
                    kept.view().rows(0, h, {sample, 1, 1}) =
                        out.rows(0, h, {stored_before + sample * apart() - begin, 1, 1});
            stored_before += end - begin;
        }
    }

    const Problem& problem_;
    MillionTokens& found_;
    Input q_{problem_, 1}, k_{problem_, 2}, v_{problem_, 3};
    Tensor<float> alone_, ranks_;
};

} // namespace

double MillionTokens::slowdown() const { return spread(ranks).median / spread(alone).median; }

MillionTokens million_tokens(Index tokens, Index ranks, int repetitions, const Progress& progress) {
    const double needed = 5400.0 * static_cast<double>(tokens); // bytes: q, k, v, out and what its roundings lost
    if (const auto available = available_bytes(); available && *available < needed)
        throw InputError("memory", std::to_string(*available * 1e-9) + " GB available",
                         "must be at least " + std::to_string(needed * 1e-9) + " GB");
    progress("preparing");
    const TensorInfo info{DType::f32, {1, tokens, heads, head_dim}};
    const Problem problem = validate({.segment_lengths = {2048, std::max<Index>(2048, tokens / 2)},
                                      .dilation_rates = {1, 64},
                                      .mode = Mode::mixture,
                                      .causal = true,
                                      .ranks = ranks,
                                      .layout = Layout::segment_zigzag},
                                     {info, info, info, {}});
    MillionTokens found;
    for (Index rank = 0; rank < ranks; ++rank) found.least.push_back(least_bytes(problem, rank, sizeof(float)));
    Race race(problem, found);
    std::vector<Samples> samples = time_interleaved({{.name = "the engine alone",
                                                      .run = {},
                                                      .prepare = [&] { race.to_whole(); },
                                                      .timed =
                                                          [&] {
                                                              return cuda::RunTime{race.run_alone(), 0};
                                                          }},
                                                     {.name = std::to_string(ranks) + " ranks",
                                                      .run = {},
                                                      .prepare = [&] { race.to_shards(); },
                                                      .timed =
                                                          [&] {
                                                              return cuda::RunTime{race.run_ranks(), 0};
                                                          }}},
                                                    {.repetitions = repetitions, .seconds_a_sample = 0}, progress);
    found.alone = std::move(samples[0]);
    found.ranks = std::move(samples[1]);
    found.error_ratio = race.error_ratio();
    found.right = found.error_ratio <= 2 * forward_bound;
    return found;
}

} // namespace dra::benchmarks
