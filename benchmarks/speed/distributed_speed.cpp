#include "benchmarks/speed/distributed_speed.hpp"

#include "benchmarks/measuring/statistics.hpp"
#include "benchmarks/speed/warm_ranks.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/tolerance.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dra::benchmarks {
namespace {

using distributed::AllRanks;
using distributed::RankFigures;

constexpr Index heads = 4, head_dim = 64;
constexpr Shape shape_of(Index tokens) { return {1, tokens, heads, head_dim}; }

double slowest(const AllRanks<float>& all) {
    return std::ranges::max_element(all.figures, {}, &RankFigures::seconds)->seconds;
}

/// What the figures of all ranks say of a case.
RanksSpeed summary(const RanksCase& shape, const Problem& problem, const std::vector<RankFigures>& figures) {
    RanksSpeed speed{shape};
    Index most_pairs = 0, pairs = 0;
    for (const RankFigures& rank : figures) {
        speed.received = std::max(speed.received, rank.attention.bytes_received);
        speed.messages = std::max(speed.messages, rank.attention.messages_received);
        speed.memory = std::max(speed.memory, rank.memory_beyond_shards);
        most_pairs = std::max(most_pairs, rank.attention.pairs);
        pairs += rank.attention.pairs;
    }
    for (Index rank = 0; rank < shape.ranks; ++rank)
        speed.least = std::max(speed.least, least_bytes(problem, rank, sizeof(float)));
    speed.busiest_flops = 4.0 * static_cast<double>(head_dim * most_pairs);
    speed.balance = static_cast<double>(most_pairs * shape.ranks) / static_cast<double>(pairs);
    return speed;
}

} // namespace

double RanksSpeed::seconds() const { return spread(samples).median; }

DistributedBench::DistributedBench(Index tokens, Index most_tokens)
    : segment_length_(tokens / 4), q_(random_normal<float>(shape_of(most_tokens), 1)),
      k_(random_normal<float>(shape_of(most_tokens), 2)), v_(random_normal<float>(shape_of(most_tokens), 3)) {}

Problem DistributedBench::problem(const RanksCase& shape) const {
    const auto [batch, tokens, H, D] = shape_of(shape.tokens);
    const TensorInfo info{DType::f32, {batch, tokens, H, D}};
    return validate({.segment_lengths = {segment_length_, 2 * segment_length_},
                     .dilation_rates = {1, 4},
                     .mode = Mode::mixture,
                     .causal = true,
                     .ranks = shape.ranks,
                     .layout = Layout::segment_zigzag},
                    {info, info, info, {}});
}

InputsView<float> DistributedBench::inputs(Index tokens) const {
    const auto first = [&](const Tensor<float>& x) { return TensorView<const float>(x.data(), shape_of(tokens)); };
    return {first(q_), first(k_), first(v_)};
}

const Attention<double>& DistributedBench::truth(const Problem& problem) {
    const auto [known, is_missing] = truths_.try_emplace(problem.tokens);
    if (!is_missing) return known->second;
    const auto wide = [&](const Tensor<float>& x) {
        Tensor<double> first(shape_of(problem.tokens));
        first.flat() = x.flat().head(first.size()).cast<double>();
        return first;
    };
    const Tensor<double> q = wide(q_), k = wide(k_), v = wide(v_);
    return known->second = dilated_attention<double>(problem, {q, k, v});
}

double DistributedBench::seconds(const RanksCase& shape) const {
    const Problem asked = problem(shape);
    const auto [q, k, v] = inputs(shape.tokens);
    const std::vector<Shard<float>> q_shards = scatter(asked, q), k_shards = scatter(asked, k),
                                    v_shards = scatter(asked, v);
    return warm_seconds(asked, shape.strategy, shape.link, {q_shards, k_shards, v_shards});
}

RanksSpeed DistributedBench::verified(const RanksCase& shape) {
    const Problem asked = problem(shape);
    const AllRanks<float> all = distributed::attention_by_threads<float>(asked, shape.strategy, inputs(shape.tokens),
                                                                         {}, shape.link, std::chrono::minutes(2));
    RanksSpeed speed = summary(shape, asked, all.figures);
    // Judged with c = 1 and a floor of 1 for lse, the strictest that tolerance.hpp knows.
    const Oracle truth_of_case{truth(asked), {}, std::vector<Magnitudes>(heads)};
    speed.error_ratio = error_ratios(asked, truth_of_case, all.attention).forward();
    if (shape.link.model_time) speed.samples = {slowest(all)};
    return speed;
}

std::vector<RanksSpeed> DistributedBench::speeds(const std::vector<RanksCase>& cases, int repetitions,
                                                 const Progress& progress) {
    std::vector<RanksSpeed> found;
    std::vector<Alternative> alternatives;
    std::vector<std::size_t> timed; // which of the cases they are
    for (const RanksCase& shape : cases) {
        const std::string title = fmt::format("{} R {} N {}", name(shape.strategy), shape.ranks, shape.tokens);
        progress("verifying " + title);
        found.push_back(verified(shape));
        if (shape.link.model_time) continue;
        timed.push_back(found.size() - 1);
        alternatives.push_back({.name = title,
                                .run = {},
                                .prepare = [] {},
                                .timed =
                                    [this, shape] {
                                        return cuda::RunTime{seconds(shape), 0};
                                    }});
    }
    if (alternatives.empty()) return found;
    const std::vector<Samples> samples =
        time_interleaved(alternatives, {.repetitions = repetitions, .seconds_a_sample = 0}, progress);
    for (std::size_t i = 0; i < timed.size(); ++i) found[timed[i]].samples = samples[i];
    return found;
}

} // namespace dra::benchmarks
