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

std::string title(const LadderCase& shape) {
    return fmt::format("B {} N {} H {} D {}{}, w {} r {}", shape.batch, shape.tokens, shape.heads, shape.head_dim,
                       shape.causal ? " causal" : "", shape.segment_length, shape.dilation_rate);
}

void print(const LadderSpeed& found) {
    say("{}\n", title(found.shape));
    for (const KernelSpeed& kernel : found.kernels) {
        if (!kernel.left_out.empty()) {
            say("  {:<17}left out: {}\n", kernel.name, kernel.left_out);
            continue;
        }
        const Spread s = spread(kernel.samples);
        say("  {:<17}{:>6.1f} TFLOP/s  {} ({}-{})  errors {:.2f}, lse {:.2f} of the bound{}\n", kernel.name,
            found.tflops(kernel), seconds_text(s.median), seconds_text(s.low), seconds_text(s.high), kernel.errors.out,
            kernel.errors.lse, &kernel == found.fastest() ? "  fastest" : "");
    }
    check_standard_output();
}

Json json(const LadderSpeed& found) {
    const LadderCase& shape = found.shape;
    Json kernels = Json::array();
    for (const KernelSpeed& kernel : found.kernels) {
        if (!kernel.left_out.empty()) {
            kernels.push_back({{"kernel", kernel.name}, {"left_out", kernel.left_out}});
            continue;
        }
        kernels.push_back({{"kernel", kernel.name},
                           {"tflops", found.tflops(kernel)},
                           {"median_seconds", spread(kernel.samples).median},
                           {"share_of_bound", {{"out", kernel.errors.out}, {"lse", kernel.errors.lse}}},
                           {"samples", kernel.samples}});
    }
    return {{"batch", shape.batch},
            {"tokens", shape.tokens},
            {"heads", shape.heads},
            {"head_dim", shape.head_dim},
            {"causal", shape.causal},
            {"segment_length", shape.segment_length},
            {"dilation_rate", shape.dilation_rate},
            {"flops", shape.flops()},
            {"steps", kernels}};
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
    for (const LadderCase& shape : cases) {
        found.push_back(bench.speed(shape, effort));
        print(found.back());
        record["cases"].push_back(json(found.back()));
        for (const KernelSpeed& kernel : found.back().kernels)
            if (!kernel.errors.within_bounds()) {
                remark("dra: {} at {}: errors {:.3g}, lse {:.3g} of the bound\n", kernel.name, title(shape),
                       kernel.errors.out, kernel.errors.lse);
                status = out_of_tolerance;
            }
    }
    if (std::ranges::none_of(found, [](const LadderSpeed& speed) { return speed.fastest() != nullptr; }))
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
