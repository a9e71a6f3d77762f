#include "cli/distributed_run.hpp"

#include "cli/flags.hpp"

#include <fmt/format.h>

namespace dra::cli {
namespace {

using distributed::RankFigures;

constexpr Index most_threads = 256;

distributed::Clock::duration parse_timeout(const std::string& flag, const std::string& text) {
    const double seconds = parse_real(flag, text);
    if (!(seconds >= 0.001 && seconds <= 86400))
        throw PatternError(flag, text, "must be a number of seconds from 0.001 to 86400");
    return std::chrono::duration_cast<distributed::Clock::duration>(std::chrono::duration<double>(seconds));
}

/// The lines of a pass; `least` has the bytes that each rank must receive, where that is known.
std::string lines_of(const char* pass, const std::vector<RankFigures>& figures, Cost RankFigures::*cost,
                     const std::vector<Index>& least) {
    double pairs = 0;
    for (const RankFigures& rank : figures) pairs += static_cast<double>((rank.*cost).pairs);
    std::string text;
    for (std::size_t rank = 0; rank < figures.size(); ++rank) {
        const Cost& own = figures[rank].*cost;
        const double share = pairs > 0 ? 100 * static_cast<double>(own.pairs) / pairs : 0;
        text += fmt::format("{:<9}  {:>4}  {:>14}  {:>14}  {:>14}  {:>8}  {:>14}  {:>6.2f} %\n", pass, rank,
                            own.bytes_received, least.empty() ? "-" : std::to_string(least[rank]), own.bytes_sent,
                            own.messages_received, figures[rank].memory_beyond_shards, share);
    }
    return text;
}

} // namespace

DistributedRun parse_distributed_run(const DistributedFlags& flags) {
    DistributedRun run;
    if (flags.strategy) run.strategy = parse_strategy("--strategy", *flags.strategy);
    if (flags.timeout) run.timeout = parse_timeout("--timeout", *flags.timeout);
    return run;
}

void check_threads(const Problem& problem) {
    if (problem.ranks > most_threads)
        throw PatternError(
            "--ranks", std::to_string(problem.ranks),
            fmt::format("must be at most {} with --backend distributed, whose ranks are threads", most_threads));
}

std::string figures_text(const Problem& problem, Strategy strategy, Index element_bytes,
                         const std::vector<RankFigures>& figures, bool gradient) {
    std::vector<Index> least;
    for (Index rank = 0; rank < problem.ranks; ++rank) least.push_back(least_bytes(problem, rank, element_bytes));
    std::string text = fmt::format("{} on {} ranks, {}; received, least and sent in bytes, and memory beyond shards\n",
                                   name(strategy), problem.ranks, name(problem.layout)) +
                       fmt::format("{:<9}  {:>4}  {:>14}  {:>14}  {:>14}  {:>8}  {:>14}  {:>8}\n", "pass", "rank",
                                   "received", "least", "sent", "messages", "memory", "FLOPs");
    text += lines_of("attention", figures, &RankFigures::attention, least);
    if (gradient) text += lines_of("gradient", figures, &RankFigures::gradient, {});
    return text;
}

} // namespace dra::cli
