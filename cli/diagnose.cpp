#include "cli/commands.hpp"
#include "cli/described.hpp"
#include "cli/diagnosis_text.hpp"
#include "cli/heat_map.hpp"
#include "cli/named_files.hpp"
#include "cli/problem_flags.hpp"
#include "cli/progress.hpp"
#include "cli/result_file.hpp"
#include "cli/standard_streams.hpp"

#include <memory>

namespace dra::cli {
namespace {

/// The flags as they were typed.
struct Flags {
    std::string input;
    std::optional<std::string> output_to_check, dtype, json, heat_map;
    ProblemFlags problem;
};

defects::Diagnosis diagnose_with_progress(const Problem& problem, const defects::Inputs& inputs,
                                          const defects::Result& result) {
    Progress progress;
    return defects::diagnose(problem, inputs, result, std::ref(progress));
}

int run(const Flags& flags) {
    const Configuration chosen = flags.problem.configuration();
    if (chosen.dropout != 0)
        throw PatternError("dropout", fmt::format("{}", chosen.dropout), "must be 0: the defects are run without");
    if (chosen.stop_gradient_mixing)
        throw PatternError("stop_gradient_mixing", "true", "must be false: it is the defect mixing-detached here");
    std::optional<DType> dtype;
    if (flags.dtype) dtype = parse_type("--dtype", *flags.dtype);
    check_files({{"--json", flags.json}, {"--heat-map", flags.heat_map}},
                {{"--input", flags.input}, {"--output-to-check", flags.output_to_check}});

    const TensorFile file = read_safetensors(flags.input, problem_tensors);
    const Problem problem = validate(chosen, describe(file));
    const defects::Result result =
        read_result(read_safetensors(flags.output_to_check.value_or(flags.input), result_tensors), dtype);
    const FileInputs inputs(file, result.dtype);
    const defects::Diagnosis diagnosis = diagnose_with_progress(problem, inputs.view(), result);

    say(as_text(diagnosis, problem, result));
    std::vector<OutputFile> files;
    if (flags.json) files.emplace_back(*flags.json, "--json").write(as_json(diagnosis));
    if (flags.heat_map) files.emplace_back(*flags.heat_map, "--heat-map").write(svg_heat_map(diagnosis.rows, problem));
    put_in_place(files);
    return diagnosis.correct ? success : out_of_tolerance;
}

} // namespace

Command diagnose_command(const FlagList& program) {
    const auto flags = std::make_shared<Flags>();
    const FlagList command = program.command("diagnose", "Judge a result, and name the defect that it shows");
    command.require("--input", flags->input, "q, k, v, out and, where there are any, lse, dout, dq, dk, dv",
                    "FILE.safetensors");
    command.add("--output-to-check", flags->output_to_check, "the results, where they are in a file of their own",
                "FILE.safetensors");
    flags->problem.add_to(command, "ranks, or chunks of keys, that made the result; default: 1");
    command.add("--dtype", flags->dtype, "the type that it was computed in; default: that of out",
                "fp64|fp32|bf16|fp16");
    command.add("--json", flags->json, "verdict, error_ratios, matches and violated as JSON", "FILE.json");
    command.add("--heat-map", flags->heat_map, "where it is wrong", "FILE.svg");
    return {command, [flags] { return run(*flags); }};
}

} // namespace dra::cli
