#include "benchmarks/measuring/quantities.hpp"
#include "benchmarks/speed/million_tokens.hpp"
#include "cli/bench_distributed.hpp"
#include "cli/commands.hpp"
#include "cli/measured.hpp"
#include "cli/progress.hpp"
#include "cli/standard_streams.hpp"

#include <fmt/format.h>

namespace dra::cli {
namespace {

using namespace benchmarks;
using Json = nlohmann::ordered_json;

void print(const char* who, const Samples& samples) {
    const Spread s = spread(samples);
    say("{:<17}  {} ({}-{})\n", who, seconds_text(s.median), seconds_text(s.low), seconds_text(s.high));
}

} // namespace

int bench_million_tokens(Index tokens, Index ranks, int repetitions, const std::optional<std::string>& json) {
    const double load_before = load_average();
    const MillionTokens found = million_tokens(tokens, ranks, repetitions, show_progress);
    show_progress("");
    Json record{{"environment", environment()},
                {"load_average", load_before},
                {"load_average_at_end", load_average()},
                {"tokens", tokens},
                {"strategy", "segment-gather"},
                {"layout", "segment-zigzag"},
                {"alone_samples", found.alone},
                {"ranks_samples", found.ranks},
                {"slowdown", found.slowdown()},
                {"error_ratio", found.error_ratio},
                {"ranks", Json::array()}};
    say("N {}  H 4  D 64  patterns (2048,1) ({},64)  mixture  causal  segment-zigzag  segment-gather  float  {} "
        "threads\n",
        tokens, std::max<Index>(2048, tokens / 2), omp_get_max_threads());
    for (std::size_t rank = 0; rank < found.costs.size(); ++rank) {
        const Cost& cost = found.costs[rank];
        say("rank {}  received {} bytes, as predicted, {} at least, in {} messages  memory beyond shards {}\n", rank,
            cost.bytes_received, found.least[rank], cost.messages_received,
            bytes_text(static_cast<double>(found.memory[rank])));
        record["ranks"].push_back({{"bytes_received", cost.bytes_received},
                                   {"least_bytes", found.least[rank]},
                                   {"messages_received", cost.messages_received},
                                   {"memory_beyond_shards", found.memory[rank]},
                                   {"pairs", cost.pairs}});
    }
    print("the engine alone", found.alone);
    print(fmt::format("{} ranks", ranks).c_str(), found.ranks);
    say("ranks over the engine alone: ratio {:.3f}  load average {:.2f} before, {:.2f} at the end  error ratio "
        "{:.2f}\n",
        found.slowdown(), load_before, load_average(), found.error_ratio);
    if (!found.right)
        remark("dra: {} ranks: error ratio {:.3g} against the engine alone, which is beyond the bounds of both\n",
               ranks, found.error_ratio);
    write_json(json, record);
    return found.right ? success : out_of_tolerance;
}

} // namespace dra::cli
