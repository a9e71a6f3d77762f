#include "cli/commands.hpp"
#include "cli/described.hpp"
#include "cli/named_files.hpp"
#include "cli/output_folder.hpp"
#include "cli/result_file.hpp"
#include "cli/standard_streams.hpp"
#include "reference/defects/probes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <memory>

namespace dra::cli {
namespace {

namespace fs = std::filesystem;
using defects::Probe;

/// The flags as they were typed.
struct Flags {
    std::optional<std::string> emit, check, json;
};

std::string asks_for(const Probe& probe) { return std::string("out, lse") + (probe.gradients ? ", dq, dk, dv" : ""); }

std::string drawn(const Probe& probe) {
    return probe.decoded ? "decode token after token with a cache" : "one run over the whole sequence";
}

fs::path answer_path(const fs::path& folder, const Probe& probe) {
    return folder / (probe.name + ".answer.safetensors");
}

/// The types of tensors in their files' words.
std::map<std::string, std::string> metadata(const Probe& probe, const Problem& problem) {
    std::map<std::string, std::string> said = describe(problem);
    said.merge(std::map<std::string, std::string>{
        {"probe", probe.name}, {"compute", asks_for(probe)}, {"how", drawn(probe)}, {"dtype", name(probe.dtype)}});
    return said;
}

const std::string title = "# Probes\n"; // of the README.md

bool begins_like_ours(const fs::path& readme) {
    std::string line(title.size(), '\0');
    std::ifstream(readme, std::ios::binary).read(line.data(), static_cast<std::streamsize>(line.size()));
    return line == title;
}

void emit(const fs::path& folder) {
    const OutputFolder made("--emit", folder);
    const bool again = begins_like_ours(folder / "README.md");
    std::vector<OutputFile> files;
    const auto make = [&](const std::string& name) -> OutputFile& {
        if (!again && fs::exists(folder / name))
            throw FormatError("--emit", (folder / name).string(),
                              "must not be there, unless with a README.md of probes");
        return files.emplace_back(folder / name, "--emit");
    };
    nlohmann::ordered_json index = nlohmann::ordered_json::array();
    std::string table;
    for (const Probe& probe : defects::probes()) {
        const defects::Sample posed = sample(probe);
        TensorFile file;
        for (const auto& [name, tensor] : {std::pair("q", &posed.q), {"k", &posed.k}, {"v", &posed.v}})
            file.tensors[name] = to_file(*tensor, probe.dtype);
        if (probe.gradients) file.tensors["dout"] = to_file(posed.dout, probe.dtype);
        file.metadata = metadata(probe, posed.problem);
        write_safetensors(make(probe.name + ".safetensors"), file);
        nlohmann::ordered_json entry = file.metadata;
        entry["file"] = probe.name + ".safetensors";
        entry["answer"] = probe.name + ".answer.safetensors";
        entry["shows"] = probe.shows;
        index.push_back(entry);
        table += fmt::format("| {} | {} | {} | {} | {} |\n", probe.name, name(probe.dtype), asks_for(probe),
                             drawn(probe), probe.shows);
    }
    make("index.json").write(index.dump(2) + "\n");
    make("README.md")
        .write(
            title +
            "\n"
            "For every NAME.safetensors here, compute attention of its q, k, v with the configuration in its metadata\n"
            "(segments, dilations, mode, phase, causal, scale, ranks, layout; index.json has the same), and write the\n"
            "result beside it as NAME.answer.safetensors, in the type of the inputs, lse [B, H, N] in F32. Leave out\n"
            "what your program does not have: lse, gradients, whole probes. `ranks` is the number of chunks of keys, "
            "or\n"
            "of ranks, to use. Where the program ends in an error, write an answer without tensors, with its message "
            "as\n"
            "metadata `error`. Where it counts its work, metadata `pairs` is the number of scores that all ranks and\n"
            "heads computed, masked ones included, and `rows_received` the rows of k that ranks received.\n\n"
            "    dra probe --check DIR\n\n"
            "then reads all answers together and names the defect.\n\n"
            "| probe | type | compute | how | what it shows |\n|---|---|---|---|---|\n" +
            table);
    put_in_place(files);
    say("{} probes in {}: its README.md says what to compute\n", defects::probes().size(), folder.string());
}

std::string as_text(const defects::ProbeVerdict& verdict) {
    std::string text;
    for (const Probe& probe : defects::probes()) {
        const auto found = verdict.results.find(probe.name);
        text += fmt::format("  {:<18} {}", probe.name,
                            found == verdict.results.end() ? "no answer"
                            : found->second.correct        ? "correct"
                                                           : "wrong");
        if (found != verdict.results.end())
            for (const char* separator = "  violated: "; const defects::Violation& violation : found->second.violated)
                text += std::exchange(separator, ", ") + violation.property;
        text += "\n";
    }
    text += verdict.correct ? "correct\n" : "wrong\n";
    for (const defects::Match& match : verdict.matches)
        text += fmt::format("  {:<26} fits every answer, residual {:.2g}\n    {}: docs/defects.md#{}\n", match.id,
                            match.residual, defects::defect(match.id).title, match.id);
    if (verdict.correct || !verdict.matches.empty()) return text;
    text += "  no known defect fits every answer\n";
    for (const auto& [id, explained] : verdict.partial)
        text += fmt::format("  {:<26} fits {} wrong answers\n", id, explained);
    return text;
}

std::string as_json(const defects::ProbeVerdict& verdict) {
    nlohmann::ordered_json json = {{"verdict", verdict.correct ? "correct" : "wrong"},
                                   {"probes", nlohmann::ordered_json::object()},
                                   {"matches", nlohmann::ordered_json::array()}};
    for (const auto& [probe, said] : verdict.results) json["probes"][probe] = said.correct ? "correct" : "wrong";
    for (const defects::Match& match : verdict.matches)
        json["matches"].push_back({{"id", match.id}, {"residual", match.residual}});
    return json.dump(2) + "\n";
}

int check(const fs::path& folder, const std::optional<std::string>& json) {
    std::vector<NamedFile> read;
    for (const Probe& probe : defects::probes()) read.push_back({"--check", answer_path(folder, probe)});
    check_files({{"--json", json}}, read);
    if (!fs::is_directory(folder)) throw FormatError("--check", folder.string(), "must be a folder");
    std::map<std::string, defects::Result> answers;
    for (const Probe& probe : defects::probes())
        if (const fs::path path = answer_path(folder, probe); fs::exists(path))
            answers[probe.name] = read_result(read_safetensors(path, result_tensors), probe.dtype);
    if (answers.empty())
        throw FormatError("--check", folder.string(), "must hold an answer, such as weights.answer.safetensors");
    const defects::ProbeVerdict verdict = defects::check(answers);
    say(as_text(verdict));
    if (json) {
        OutputFile file(*json, "--json");
        file.write(as_json(verdict));
        put_in_place(std::move(file));
    }
    return verdict.correct ? success : out_of_tolerance;
}

int run(const Flags& flags) {
    if (flags.emit.has_value() == flags.check.has_value())
        throw PatternError("--emit, --check", flags.emit ? "(both)" : "(missing)", "exactly one must be given");
    if (flags.emit) {
        emit(*flags.emit);
        return success;
    }
    return check(*flags.check, flags.json);
}

} // namespace

Command probe_command(const FlagList& program) {
    const auto flags = std::make_shared<Flags>();
    const FlagList command =
        program.command("probe", "Small problems that tell all defects apart, and what their answers say");
    command.add("--emit", flags->emit, "write the problems, and a README.md that says what to compute", "DIR");
    command.add("--check", flags->check, "read the answers beside them", "DIR");
    command.add("--json", flags->json, "of --check: verdict, probes and matches as JSON", "FILE.json");
    return {command, [flags] { return run(*flags); }};
}

} // namespace dra::cli
