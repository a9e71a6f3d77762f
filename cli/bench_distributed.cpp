#include "cli/bench_distributed.hpp"

#include "benchmarks/measuring/quantities.hpp"
#include "benchmarks/speed/distributed_speed.hpp"
#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "cli/measured.hpp"
#include "cli/named_files.hpp"
#include "cli/progress.hpp"
#include "cli/standard_streams.hpp"
#include "reference/definition/tolerance.hpp"

#include <algorithm>

namespace dra::cli {
namespace {

using namespace benchmarks;
using distributed::Link;
using Json = nlohmann::ordered_json;

constexpr double latency = 0.001; // of the slow link, in seconds

/// What is asked for.
struct Asked {
    Index tokens = 8192;
    std::vector<Index> ranks = {1, 2, 4, 8};
    int repetitions = 3;
};

Index parse_within(const std::string& flag, const std::string& text, Index least, Index most) {
    const Index value = parse_integer(flag, text);
    if (value < least || value > most)
        throw PatternError(flag, text, fmt::format("must be from {} to {}", least, most));
    return value;
}

Asked parse(const DistributedBenchFlags& flags) {
    Asked asked;
    if (flags.million) asked.tokens = 1'048'576, asked.ranks = {4};
    if (flags.tokens) asked.tokens = parse_within("--tokens", *flags.tokens, 64, 1 << 24);
    if (flags.ranks) asked.ranks = parse_integers("--ranks", *flags.ranks);
    for (const Index ranks : asked.ranks)
        if (ranks < 1 || ranks > 64) throw PatternError("--ranks", *flags.ranks, "must be from 1 to 64");
    if (flags.million && asked.ranks.size() > 1)
        throw PatternError("--ranks", *flags.ranks, "must be one number with --million");
    if (flags.repetitions)
        asked.repetitions = static_cast<int>(parse_within("--repetitions", *flags.repetitions, 1, 25));
    return asked;
}

Json json(const Link& link) {
    return {{"bandwidth", link.bandwidth},
            {"latency", link.latency},
            {"time", link.model_time ? "model" : "real"},
            {"flops_per_second", link.flops_per_second}};
}

Json json(const RanksSpeed& speed) {
    return {{"strategy", name(speed.shape.strategy)},
            {"tokens", speed.shape.tokens},
            {"ranks", speed.shape.ranks},
            {"link", json(speed.shape.link)},
            {"median_seconds", speed.seconds()},
            {"samples", speed.samples},
            {"bytes_received", speed.received},
            {"least_bytes", speed.least},
            {"messages_received", speed.messages},
            {"memory_beyond_shards", speed.memory},
            {"busiest_flops", speed.busiest_flops},
            {"balance", speed.balance},
            {"error_ratio", speed.error_ratio}};
}

/// What a core did, where ranks with teams of threads shared the cores.
double flops_per_core(const RanksSpeed& speed) {
    const Index ranks = speed.shape.ranks, threads = ranks * std::max<Index>(1, omp_get_max_threads() / ranks);
    const double all = speed.busiest_flops / speed.balance * static_cast<double>(ranks);
    return all / speed.seconds() / static_cast<double>(std::min<Index>(threads, omp_get_num_procs()));
}

std::string over(double value, double base) { return base > 0 ? fmt::format("{:.2f}x", value / base) : "-"; }

/// The cases of a table, verified, timed, and written where they belong.
class Tables {
public:
    explicit Tables(const Asked& asked)
        : asked_(asked), most_ranks_(std::ranges::max(asked.ranks)),
          bench_(asked.tokens, std::max(asked.tokens, tokens_of_weak(most_ranks_))),
          record_{{"environment", environment()},
                  {"load_average", load_average()},
                  {"heads", 4},
                  {"head_dim", 64},
                  {"causal", true},
                  {"mode", "mixture"},
                  {"layout", "segment-zigzag"},
                  {"segment_lengths", {bench_.segment_length(), 2 * bench_.segment_length()}},
                  {"dilation_rates", {1, 4}}} {}

    /// Returns false where a result misses its bound.
    bool run() {
        say("H 4  D 64  patterns ({},1) ({},4)  mixture  causal  segment-zigzag  float  {} threads  load average "
            "{:.2f}\n",
            bench_.segment_length(), 2 * bench_.segment_length(), omp_get_max_threads(), load_average());
        compare_strategies();
        slow_link();
        scale("strong_scaling", "strong scaling", [&](Index) { return asked_.tokens; });
        scale("weak_scaling", "weak scaling", [&](Index ranks) { return tokens_of_weak(ranks); });
        record_["load_average_at_end"] = load_average();
        return right_;
    }

    const Json& record() const { return record_; }

private:
    Index tokens_of_weak(Index ranks) const { return ranks * (asked_.tokens / 4); }

    std::vector<RanksSpeed> measured(const char* table, const std::vector<RanksCase>& cases) {
        const std::vector<RanksSpeed> speeds =
            bench_.speeds(cases, asked_.repetitions, [](const std::string& what) { show_progress(what); });
        show_progress("");
        for (const RanksSpeed& speed : speeds) {
            record_[table].push_back(json(speed));
            if (speed.error_ratio <= forward_bound) continue;
            remark("dra: {} on {} ranks: error ratio {:.3g}, bound {}\n", name(speed.shape.strategy), speed.shape.ranks,
                   speed.error_ratio, forward_bound);
            right_ = false;
        }
        return speeds;
    }

    void compare_strategies() {
        std::vector<RanksCase> cases;
        for (const Index ranks : asked_.ranks)
            for (const Strategy strategy : all_strategies) cases.push_back({strategy, asked_.tokens, ranks});
        say("strategies, N {}: time of the slowest rank; of bytes, messages and memory what a rank has at most\n",
            asked_.tokens);
        say("{:<15} {:>3}  {:>9}  {:>9} {:>8}  {:>8}  {:>9}  {:>12}\n", "strategy", "R", "time", "received", "/ least",
            "messages", "memory", "FLOPs / mean");
        for (const RanksSpeed& speed : measured("strategies", cases)) {
            say("{:<15} {:>3}  {:>9}  {:>9} {:>8}  {:>8}  {:>9}  {:>12.2f}\n", name(speed.shape.strategy),
                speed.shape.ranks, seconds_text(speed.seconds()), bytes_text(static_cast<double>(speed.received)),
                over(static_cast<double>(speed.received), static_cast<double>(speed.least)), speed.messages,
                bytes_text(static_cast<double>(speed.memory)), speed.balance);
            if (speed.shape.strategy == Strategy::ring && speed.shape.ranks == most_ranks_) ring_ = speed;
            if (speed.shape.strategy == Strategy::segment_gather && speed.shape.ranks == std::ranges::min(asked_.ranks))
                flops_per_core_ = flops_per_core(speed);
        }
        check_standard_output();
    }

    /// A link over which a ring needs as long to receive as to compute, in real time and in that of the model.
    void slow_link() {
        const double bandwidth = std::max(1.0, static_cast<double>(ring_.received)) / ring_.seconds();
        std::vector<RanksCase> cases;
        for (const Strategy strategy : all_strategies)
            for (const bool model : {false, true})
                cases.push_back({strategy, asked_.tokens, most_ranks_,
                                 Link{.bandwidth = bandwidth,
                                      .latency = latency,
                                      .model_time = model,
                                      .flops_per_second = ring_.busiest_flops / ring_.seconds()}});
        say("a slow link, R {}: {}/s, {}; in real time, and in model time at {:.1f} GFLOP/s a rank\n", most_ranks_,
            bytes_text(bandwidth), seconds_text(latency), ring_.busiest_flops / ring_.seconds() * 1e-9);
        say("{:<15}  {:>9}  {:>9}  {:>12}\n", "strategy", "real", "model", "real / model");
        const std::vector<RanksSpeed> speeds = measured("slow_link", cases);
        for (std::size_t i = 0; i < speeds.size(); i += 2)
            say("{:<15}  {:>9}  {:>9}  {:>12}\n", name(speeds[i].shape.strategy), seconds_text(speeds[i].seconds()),
                seconds_text(speeds[i + 1].seconds()), over(speeds[i].seconds(), speeds[i + 1].seconds()));
        say("load average {:.2f}\n", load_average());
        check_standard_output();
        model_ = {.bandwidth = bandwidth, .latency = latency, .model_time = true, .flops_per_second = flops_per_core_};
    }

    /// On this machine's cores, however few, and in model time, where every rank has one of its own and the slow link.
    template <class Tokens> void scale(const char* table, const char* title, Tokens tokens) {
        std::vector<RanksCase> cases;
        for (const Index ranks : asked_.ranks)
            for (const Strategy strategy : {Strategy::segment_gather, Strategy::ring})
                for (const Link& link : {Link{}, model_}) cases.push_back({strategy, tokens(ranks), ranks, link});
        say("{}: on these cores, and in model time with a core per rank, {:.1f} GFLOP/s, on that link\n", title,
            flops_per_core_ * 1e-9);
        say("{:<15} {:>3} {:>8}  {:>9}  {:>9}  {:>14}\n", "strategy", "R", "N", "time", "model", "model, a token");
        const std::vector<RanksSpeed> speeds = measured(table, cases);
        for (std::size_t i = 0; i < speeds.size(); i += 2)
            say("{:<15} {:>3} {:>8}  {:>9}  {:>9}  {:>14}\n", name(speeds[i].shape.strategy), speeds[i].shape.ranks,
                speeds[i].shape.tokens, seconds_text(speeds[i].seconds()), seconds_text(speeds[i + 1].seconds()),
                seconds_text(speeds[i + 1].seconds() / static_cast<double>(speeds[i].shape.tokens)));
        check_standard_output();
    }

    const Asked& asked_;
    Index most_ranks_;
    DistributedBench bench_;
    Json record_;
    RanksSpeed ring_; ///< of the most ranks, on links as fast as memory
    double flops_per_core_ = 0;
    Link model_;
    bool right_ = true;
};

} // namespace

int bench_distributed(const DistributedBenchFlags& flags, const std::optional<std::string>& json) {
    const Asked asked = parse(flags);
    check_files({{"--json", json}});
    if (flags.million) return bench_million_tokens(asked.tokens, asked.ranks.front(), asked.repetitions, json);
    Tables tables(asked);
    const bool right = tables.run();
    write_json(json, tables.record());
    return right ? success : out_of_tolerance;
}

} // namespace dra::cli
