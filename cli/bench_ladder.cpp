#include "cli/bench_ladder.hpp"

#include "benchmarks/measuring/quantities.hpp"
#include "benchmarks/speed/ladder_speed.hpp"
#include "cli/commands.hpp"
#include "cli/devices.hpp"
#include "cli/measured.hpp"
#include "cli/named_files.hpp"
#include "cli/standard_streams.hpp"

#include <algorithm>

namespace dra::cli {
namespace {

using namespace benchmarks;
using Json = nlohmann::ordered_json;

constexpr Effort effort{.repetitions = 11, .seconds_a_sample = 0.005};

DType parse_type(const LadderFlags& flags) {
    const std::string given = flags.dtype.value_or("bf16");
    const DType type = cuda::parse_type("--dtype", given);
    if (type == DType::f32) throw PatternError("--dtype", given, "must be bf16 or fp16, which tensor cores multiply");
    return type;
}

std::string title(const LadderCase& ladder_case) {
    return fmt::format("B {} N {} H {} D {}{}, w {} r {}", ladder_case.batch, ladder_case.tokens, ladder_case.heads,
                       ladder_case.head_dim, ladder_case.causal ? " causal" : "", ladder_case.segment_length,
                       ladder_case.dilation_rate);
}

void print(const LadderSpeed& found) {
    say("{}\n", title(found.of));
    for (const KernelSpeed& speed : found.steps) {
        if (!speed.left_out.empty()) {
            say("  {:<17}left out: {}\n", speed.kernel, speed.left_out);
            continue;
        }
        const Spread s = spread(speed.samples);
        say("  {:<17}{:>6.1f} TFLOP/s  {} ({}-{})  errors {:.2f}, lse {:.2f} of the bound{}\n", speed.kernel,
            found.tflops(speed), seconds_text(s.median), seconds_text(s.low), seconds_text(s.high), speed.errors.out,
            speed.errors.lse, &speed == found.fastest() ? "  fastest" : "");
    }
    check_standard_output();
}

Json json(const LadderSpeed& found) {
    const LadderCase& ladder_case = found.of;
    Json steps = Json::array();
    for (const KernelSpeed& speed : found.steps) {
        if (!speed.left_out.empty()) {
            steps.push_back({{"kernel", speed.kernel}, {"left_out", speed.left_out}});
            continue;
        }
        steps.push_back({{"kernel", speed.kernel},
                         {"tflops", found.tflops(speed)},
                         {"median_seconds", spread(speed.samples).median},
                         {"share_of_bound", {{"out", speed.errors.out}, {"lse", speed.errors.lse}}},
                         {"samples", speed.samples}});
    }
    return {{"batch", ladder_case.batch},
            {"tokens", ladder_case.tokens},
            {"heads", ladder_case.heads},
            {"head_dim", ladder_case.head_dim},
            {"causal", ladder_case.causal},
            {"segment_length", ladder_case.segment_length},
            {"dilation_rate", ladder_case.dilation_rate},
            {"flops", ladder_case.flops()},
            {"steps", steps}};
}

} // namespace

int bench_ladder(const LadderFlags& flags) {
    if (flags.backend != "cuda")
        throw PatternError("--backend", flags.backend,
                           flags.backend == "emulated"
                               ? "must be cpu or cuda: the emulator counts work and has no clock"
                               : "must be cpu or cuda");
    const DType type = parse_type(flags);
    const std::unique_ptr<cuda::Device> device = open_device(flags.backend);
    check_files({{"--tune", flags.tune}, {"--json", flags.json}});

    const std::vector<LadderCase> cases = usual_ladder_cases();
    LadderBench bench(*device, type, cases);
    std::vector<LadderSpeed> found;
    Json record{{"environment", environment()},
                {"device", device->facts().name},
                {"type", cuda::type_name(type)},
                {"cases", Json::array()}};
    int status = success;
    for (const LadderCase& ladder_case : cases) {
        found.push_back(bench.speed(ladder_case, effort));
        print(found.back());
        record["cases"].push_back(json(found.back()));
        for (const KernelSpeed& speed : found.back().steps)
            if (!speed.errors.within_bounds()) {
                remark("dra: {} at {}: errors {:.3g}, lse {:.3g} of the bound\n", speed.kernel, title(ladder_case),
                       speed.errors.out, speed.errors.lse);
                status = out_of_tolerance;
            }
    }
    if (std::ranges::none_of(found, [](const LadderSpeed& at) { return at.fastest() != nullptr; }))
        throw InputError("kernels", "(none)", "one must be measured, and right");
    std::vector<OutputFile> files;
    if (flags.json) files.emplace_back(*flags.json, "--json").write(json_text(record));
    if (flags.tune && status == success) {
        const cuda::ChoiceTable table = choices(device->facts(), type, found);
        files.emplace_back(*flags.tune, "--tune").write(text_of(table));
        say("{} choices for {}: as cuda/device/choices.json they are part of the next build\n", table.choices.size(),
            table.device);
    }
    put_in_place(files);
    return status;
}

} // namespace dra::cli
