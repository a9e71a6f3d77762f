#include "benchmarks/measuring/quantities.hpp"
#include "benchmarks/speed/attention_speed.hpp"
#include "benchmarks/speed/scaling.hpp"
#include "cli/bench_distributed.hpp"
#include "cli/bench_ladder.hpp"
#include "cli/commands.hpp"
#include "cli/measured.hpp"
#include "cli/named_files.hpp"
#include "cli/progress.hpp"
#include "cli/standard_streams.hpp"
#include "reference/definition/tolerance.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace dra::cli {
namespace {

using namespace benchmarks;
using Json = nlohmann::ordered_json;

Json json(const Speed& speed) {
    return {{"flops", speed.flops},
            {"gflops", speed.gflops()},
            {"median_seconds", spread(speed.samples).median},
            {"samples", speed.samples}};
}

Json json(const AttentionSpeed& found) {
    const Speed &product = found.product, &dense = found.dense, &dilated = found.dilated;
    return {{"rows", found.shape.rows},
            {"head_dim", found.shape.head_dim},
            {"causal", found.shape.causal},
            {"error_ratio", found.error_ratio},
            {"attend_over_product", dense.gflops() / product.gflops()},
            {"dilated_over_dense", dilated.gflops() / dense.gflops()},
            {"peak", json(found.peak)},
            {"product", json(product)},
            {"attend", json(dense)},
            {"attend_dilated", json(dilated)}};
}

void print(const AttentionSpeed& found) {
    const auto line = [&](int r, const Speed& speed, const char* against, const Speed& base) {
        show_progress("");
        say("attend  n {:>5}  D {:>3}  {:<10}  r {}  error {:>4.2f}  {:>6.1f} GFLOP/s  {:>4.1f} % of peak  "
            "against {:<13}  ratio {:.2f}\n",
            found.shape.rows, found.shape.head_dim, found.shape.causal ? "causal" : "not causal", r, found.error_ratio,
            speed.gflops(), 100 * speed.gflops() / found.peak.gflops(), against, speed.gflops() / base.gflops());
    };
    line(1, found.dense, "Eigen product", found.product);
    line(8, found.dilated, "attend r 1", found.dense);
    check_standard_output();
}

int run_attention(const std::optional<std::string>& file) {
    check_files({{"--json", file}});
    Json record{{"environment", environment()}, {"threads_used", 1}, {"cases", Json::array()}};
    std::vector<double> peaks, products;
    for (const SpeedCase& shape : usual_speed_cases()) {
        const auto title = fmt::format("n {} D {}{}", shape.rows, shape.head_dim, shape.causal ? " causal" : "");
        show_progress(title + ": verifying");
        const AttentionSpeed found =
            attention_speed(shape, [&](const std::string& what) { show_progress(title + ": " + what); });
        if (!found.right) {
            remark("dra: attend {}: error ratio {:.3g}, bound {}\n", title, found.error_ratio, forward_bound);
            return out_of_tolerance;
        }
        print(found);
        peaks.push_back(found.peak.gflops());
        products.push_back(found.product.gflops());
        record["cases"].push_back(json(found));
    }
    say("peak    multiply-adds in registers {:.1f} GFLOP/s, Eigen product of 1024 {:.1f} GFLOP/s: medians of "
        "the cases; one thread, float\n",
        spread(peaks).median, spread(products).median);
    write_json(file, record);
    return success;
}

int run_scaling(const std::optional<std::string>& file) {
    check_files({{"--json", file}});
    const Scaling found = scaling(show_progress);
    show_progress("");
    if (!found.right) {
        remark("dra: scaling: error ratio {:.3g}, bound {}; or the longer result is not the shorter one repeated\n",
               found.error_ratio, forward_bound);
        return out_of_tolerance;
    }
    Json record{{"environment", environment()},
                {"growth", found.growth()},
                {"error_ratio", found.error_ratio},
                {"lengths", Json::array()}};
    const auto line = [&](Index tokens, const Samples& samples, const Allocations& allocations) {
        const Spread s = spread(samples);
        const double n = static_cast<double>(tokens);
        say("n {:>7}  {} a call, {} a token ({}-{})  memory beyond q, k, v, out, lse {}\n", tokens,
            seconds_text(s.median), seconds_text(s.median / n), seconds_text(s.low / n), seconds_text(s.high / n),
            allocations_counted() ? fmt::format("{:.1f} MiB", static_cast<double>(allocations.peak_bytes) / 0x1p20)
                                  : "not counted in this build");
        record["lengths"].push_back(
            {{"n", tokens},
             {"median_seconds", s.median},
             {"samples", samples},
             {"peak_bytes", allocations_counted() ? Json(allocations.peak_bytes) : Json(nullptr)}});
    };
    say("H 4  D 64  patterns (2048,1) (8192,4)  causal  float  {} threads  error ratio {:.2f}\n", omp_get_max_threads(),
        found.error_ratio);
    line(shorter_tokens, found.shorter, found.of_shorter);
    line(longer_tokens, found.longer, found.of_longer);
    say("time a token, longer over shorter: ratio {:.3f}\n", found.growth());
    write_json(file, record);
    return success;
}

} // namespace

Command bench_command(const FlagList& program) {
    const auto flags = std::make_shared<LadderFlags>();
    const FlagList command = program.command("bench", "Speed of single parts, each verified before it is timed");
    const FlagList attention = command.command(
        "attention",
        "attend on one core, against an Eigen product and the peak of multiply-adds; or every kernel of a GPU");
    const FlagList long_sequences =
        command.command("scaling", "a million tokens against 65,536: time a token, and memory");
    const FlagList many_ranks = command.command(
        "distributed", "strategies of ranks that are threads: time, bytes and memory, scaling, and a slow link");
    const auto ranks = std::make_shared<DistributedBenchFlags>();
    many_ranks.add("--tokens", ranks->tokens, "default: 8192", "N");
    many_ranks.add("--ranks", ranks->ranks, "numbers of ranks; default: 1,2,4,8", "R,...");
    many_ranks.add("--repetitions", ranks->repetitions, "samples per time, from 1 to 25; default: 3", "K");
    many_ranks.add("--million", ranks->million,
                   "1,048,576 tokens on 4 ranks against the engine alone instead; about 5.5 GB");
    attention.add("--backend", flags->backend, "default: cpu", "cpu|cuda");
    attention.add("--dtype", flags->dtype, "of cuda; default: bf16", "bf16|fp16");
    attention.add("--tune", flags->tune, "of cuda: the table of the fastest kernels, by which they are chosen", "FILE");
    for (const FlagList& part : {attention, long_sequences, many_ranks})
        part.add("--json", flags->json, "everything measured", "FILE");
    return {command, [=] {
                if (long_sequences.chosen()) return run_scaling(flags->json);
                if (many_ranks.chosen()) return bench_distributed(*ranks, flags->json);
                if (!attention.chosen())
                    throw InputError("bench", "(missing)", "must be one of attention, scaling, distributed");
                if (flags->backend != "cpu") return bench_ladder(*flags);
                const std::string rule = "must go with --backend cuda, not with cpu";
                if (flags->dtype) throw PatternError("--dtype", *flags->dtype, rule);
                if (flags->tune) throw PatternError("--tune", *flags->tune, rule);
                return run_attention(flags->json);
            }};
}

} // namespace dra::cli
