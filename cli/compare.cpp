#include "benchmarks/comparison/comparison.hpp"
#include "benchmarks/comparison/record.hpp"
#include "benchmarks/comparison/table.hpp"
#include "cli/commands.hpp"
#include "cli/devices.hpp"
#include "cli/flags.hpp"
#include "cli/measured.hpp"
#include "cli/named_files.hpp"
#include "cli/output_folder.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/standard_streams.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace dra::cli {
namespace {

using benchmarks::Comparison;

/// The flags as they were typed.
struct Flags {
    std::optional<std::string> lengths, ranks, fix, segments, dilations, heads, head_dim, input, threads, repetitions,
        json, report, dtype;
    std::string backend = "cpu";
    bool not_causal = false, quick = false;
};

/// How far a backend goes when nobody says.
struct Reach {
    std::vector<Index> usual_lengths, quick_lengths;
    Index heads;                       // enough to keep it busy
    double usual_budget, quick_budget; // in seconds
    int most_repetitions;
};

Reach reach_of(const std::string& backend) {
    if (backend == "cuda")
        return {.usual_lengths = {512, 1024, 2048, 4096, 8192, 16384},
                .quick_lengths = {512, 1024, 2048},
                .heads = 16,
                .usual_budget = 300,
                .quick_budget = 60,
                .most_repetitions = 51};
    if (backend == "emulated")
        return {.usual_lengths = {64, 128},
                .quick_lengths = {32, 64},
                .heads = 2,
                .usual_budget = 120,
                .quick_budget = 30,
                .most_repetitions = 0};
    if (backend == "cpu")
        return {.usual_lengths = {512, 1024, 2048, 4096},
                .quick_lengths = {256, 512, 1024},
                .heads = 2,
                .usual_budget = 120,
                .quick_budget = 15,
                .most_repetitions = 25};
    throw PatternError("--backend", backend, "must be one of cpu, cuda, emulated");
}

/// Where the type is not asked for, a file's own, if tensor cores multiply it.
DType parse_device_type(const Flags& flags, const TensorFile* file) {
    if (flags.dtype) {
        if (const DType type = cuda::parse_type("--dtype", *flags.dtype); type != DType::f32) return type;
        throw PatternError("--dtype", *flags.dtype, "must be bf16 or fp16, which tensor cores multiply");
    }
    return file && file->at("q").dtype == DType::f16 ? DType::f16 : DType::bf16;
}

Index parse_size(const std::string& flag, const std::string& text) {
    const Index size = parse_integer(flag, text);
    if (size < 1) throw PatternError(flag, text, "must be at least 1");
    return size;
}

int parse_repetitions(const std::string& text, const Reach& reach) {
    const Index repetitions = parse_integer("--repetitions", text);
    if (repetitions < 0 || repetitions > reach.most_repetitions)
        throw PatternError("--repetitions", text, fmt::format("must be from 0 to {}", reach.most_repetitions));
    return static_cast<int>(repetitions);
}

benchmarks::Options parse_options(const Flags& flags) {
    benchmarks::Options options;
    const Reach reach = reach_of(flags.backend);
    options.lengths = flags.lengths ? parse_integers("--lengths", *flags.lengths)
                      : flags.quick ? reach.quick_lengths
                                    : reach.usual_lengths;
    options.most_repetitions = reach.most_repetitions;
    if (flags.repetitions) options.most_repetitions = parse_repetitions(*flags.repetitions, reach);
    for (const Index n : options.lengths)
        if (n < 1) throw PatternError("--lengths", *flags.lengths, "must all be at least 1");
    std::ranges::sort(options.lengths);
    options.lengths.erase(std::unique(options.lengths.begin(), options.lengths.end()), options.lengths.end());
    if (flags.segments.has_value() != flags.dilations.has_value())
        throw PatternError(flags.segments ? "--dilations" : "--segments", "(missing)",
                           "must be given together with the other list");
    if (flags.segments) options.segments = parse_integers("--segments", *flags.segments);
    if (flags.dilations) options.dilations = parse_integers("--dilations", *flags.dilations);
    if (flags.ranks) options.ranks = parse_size("--ranks", *flags.ranks);
    if (flags.fix) {
        const Index number = parse_integer("--fix", *flags.fix);
        if (number < 1 || number > published::topics) throw PatternError("--fix", *flags.fix, "must be from 1 to 9");
        options.topics = {published::Topic{static_cast<int>(number)}};
    }
    options.causal = !flags.not_causal;
    options.budget_seconds = flags.quick ? reach.quick_budget : reach.usual_budget;
    return options;
}

template <class T> Inputs<T> random_inputs(const Flags& flags, Index tokens) {
    const Shape shape{1, tokens, flags.heads ? parse_size("--heads", *flags.heads) : reach_of(flags.backend).heads,
                      flags.head_dim ? parse_size("--head-dim", *flags.head_dim) : 64};
    return {random_normal<T>(shape, 1), random_normal<T>(shape, 2), random_normal<T>(shape, 3)};
}

/// The progress on a terminal; elsewhere a line whenever another thing is being done.
class Narration {
public:
    void operator()(const std::string& stage, const std::string& detail) {
        if (progress_is_seen())
            show_progress(stage + ": " + detail);
        else if (stage != last_)
            remark("{}\n", stage);
        last_ = stage;
    }

private:
    std::string last_;
};

template <class T> Comparison compare(const Flags& flags, benchmarks::Options options, const Inputs<T>& inputs) {
    if (flags.input && !flags.lengths) { // prefixes of the usual lengths, and a short file whole
        const Index tokens = inputs.q.shape().tokens;
        std::erase_if(options.lengths, [&](Index n) { return n > tokens; });
        if (options.lengths.empty()) options.lengths = {tokens};
    }
    Narration narration;
    Comparison comparison = benchmarks::compare<T>(options, inputs, std::ref(narration));
    show_progress("");
    return comparison;
}

template <class T> Inputs<T> file_inputs(const TensorFile& file) {
    Inputs<T> inputs{to_tensor<T>("q", file.at("q")), to_tensor<T>("k", file.at("k")), to_tensor<T>("v", file.at("v"))};
    for (const auto& [name, tensor] : {std::pair{"q", &inputs.q}, {"k", &inputs.k}, {"v", &inputs.v}})
        check_finite<T>(name, *tensor);
    validate({.segment_lengths = {1}, .dilation_rates = {1}},
             info<T>(inputs)); // they fit each other
    return inputs;
}

Comparison compare(const Flags& flags) {
    benchmarks::Options options = parse_options(flags);
    std::unique_ptr<cuda::RungDevice> device;
    if (flags.backend != "cpu") {
        options.type = parse_device_type(flags, nullptr);
        device = open_rung_device(flags.backend);
        options.device = device.get();
    } else if (flags.dtype) {
        throw PatternError("--dtype", *flags.dtype, "must go with --backend cuda or emulated, not with cpu");
    }
    if (!flags.input) return compare(flags, options, random_inputs<float>(flags, options.lengths.back()));
    for (const auto& [flag, value] : {std::pair{"--heads", &flags.heads}, {"--head-dim", &flags.head_dim}})
        if (*value) throw PatternError(flag, **value, "must not be given with --input, which has its own");
    const TensorFile file = read_safetensors(*flags.input, {"q", "k", "v"});
    if (device) {
        if (file.at("q").dtype == DType::f64)
            throw ShapeError("q.dtype", "F64", "must be F32, BF16 or F16 with --backend " + flags.backend);
        options.type = parse_device_type(flags, &file);
        return compare(flags, options, file_inputs<float>(file));
    }
    return file.at("q").dtype == DType::f64 ? compare(flags, options, file_inputs<double>(file))
                                            : compare(flags, options, file_inputs<float>(file));
}

/// Why nothing was measured.
std::string reasons(const Comparison& comparison) {
    std::string text;
    for (const benchmarks::Remark& out : comparison.left_out)
        text += fmt::format("{}n = {}: {}", text.empty() ? "" : "; ", out.tokens, out.words);
    return text;
}

void write(const std::vector<NamedFile>& written, const std::string& text) {
    std::vector<OutputFile> files;
    for (const NamedFile& file : written)
        if (file.path) files.emplace_back(*file.path, file.flag).write(text);
    put_in_place(files);
}

int run(const Flags& flags) {
    if (flags.threads) use_threads("--threads", *flags.threads);
    const std::filesystem::path folder = flags.report.value_or(DRA_REPORT_FOLDER), json = folder / "compare.json",
                                page = folder / "index.html";
    const OutputFolder made("--report", folder);
    const std::vector<NamedFile> written = {{"--report", json}, {"--json", flags.json}};
    check_files({{"--report", json}, {"--report", page}, {"--json", flags.json}}, {{"--input", flags.input}});
    if (std::filesystem::exists(page) && !std::filesystem::exists(json))
        throw FormatError("--report", folder.string(), "must not have an index.html that is not this program's");

    const Comparison comparison = compare(flags);
    if (comparison.lengths.empty() && comparison.offenders.empty())
        throw PatternError("--lengths", "(none left)", "one must be measured; " + reasons(comparison));
    if (comparison.offenders.empty()) say(benchmarks::table(comparison));
    for (const benchmarks::Remark& offender : comparison.offenders)
        remark("dra: n = {}: {}\n", offender.tokens, offender.words);
    write(written, json_text(benchmarks::record(comparison, environment())));
    const bool reported = make_report(json);
    return reported && comparison.offenders.empty() ? success : out_of_tolerance;
}

} // namespace

Command compare_command(const FlagList& program) {
    const auto flags = std::make_shared<Flags>();
    const FlagList command =
        program.command("compare", "Every fix of the report before, after and principled: verified, then timed");
    command.add("--lengths", flags->lengths,
                "tokens; default: 512,1024,2048,4096, with --quick 256,512,1024; cuda 512 to 16384, emulated 64,128",
                "N,...");
    command.add("--ranks", flags->ranks, "ranks of the ring; default: 4", "R");
    command.add("--fix", flags->fix, "this fix, or from 6 on this opportunity, alone; without the waterfall", "1..9");
    command.add("--segments", flags->segments, "segment lengths w, one a pattern; default: n/2,n", "W,...");
    command.add("--dilations", flags->dilations, "dilation rates r, one a pattern; default: 1,2", "R,...");
    command.add("--heads", flags->heads, "default: 2; cuda 16", "H");
    command.add("--head-dim", flags->head_dim, "default: 64", "D");
    command.add("--no-causal", flags->not_causal, "queries see later keys too");
    command.add("--input", flags->input, "q, k, v: [B, N, H, D]; lengths are prefixes of it; default: random normals",
                "FILE.safetensors");
    command.add(
        "--backend", flags->backend,
        "what runs the rungs; default: cpu. cuda: a GPU, by its clock and the host's; emulated: the same kernels on "
        "this "
        "CPU, whose work is counted instead of timed",
        "cpu|cuda|emulated");
    command.add("--dtype", flags->dtype, "of cuda and emulated; default: the input's, else bf16", "bf16|fp16");
    command.add("--threads", flags->threads, "default: one a core", "T");
    command.add("--repetitions", flags->repetitions,
                "of every timing, at most; 0 verifies and counts alone; default: 25; cuda 51, emulated 0", "R");
    command.add("--json", flags->json, "everything measured, beside the report's compare.json", "FILE");
    command.add("--report", flags->report, "where compare.json, index.html and plots go; default: build/report",
                "FOLDER");
    command.add("--quick", flags->quick, "shorter lengths, and 15 instead of 120 s; cuda 60 instead of 300");
    return {command, [flags] { return run(*flags); }};
}

} // namespace dra::cli
