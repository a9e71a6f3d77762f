// `dra diagnose` and `dra probe`, run: whatever the flags, they are refused by an error that names field, value and
// rule and leave nothing behind, or they give a verdict, in the exit status and in the JSON alike.

#include "cli/command_line.hpp"
#include "reference/defects/probes.hpp"
#include "reference/definition/safetensors.hpp"
#include "tests/folder.hpp"
#include "tests/fuzz/arguments.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <set>

namespace dra::fuzz {
namespace {

namespace fs = std::filesystem;
using defects::Result;

/// A result with the tensors that it answers.
TensorFile file_of(const defects::Sample& posed, const Result& result) {
    TensorFile file;
    for (const auto& [name, tensor] :
         {std::pair("q", &posed.q), {"k", &posed.k}, {"v", &posed.v}, {"dout", &posed.dout}})
        file.tensors[name] = to_file(*tensor, result.dtype);
    file.tensors["out"] = to_file(result.out, result.dtype);
    if (result.lse) file.tensors["lse"] = to_file(*result.lse);
    for (const auto& [name, gradient] : {std::pair("dq", &result.dq), {"dk", &result.dk}, {"dv", &result.dv}})
        if (*gradient) file.tensors[name] = to_file(**gradient, result.dtype);
    return file;
}

/// The files that are there, by path: right and wrong results of one problem, and answers to two probes. Made once.
const std::map<std::string, TensorFile>& given() {
    static const auto files = [] {
        const defects::Witness asked{
            {1, 12, 2, 4}, 2, {.segment_lengths = {12, 6}, .dilation_rates = {1, 2}, .causal = true, .ranks = 3}};
        const defects::Sample posed = sample(asked), half = sample(asked, true);
        const auto seen = [](const defects::Sample& sample, const defects::Ingredients& by, DType dtype) {
            return file_of(sample, result_of(observe(by, sample.problem, sample.inputs(true)), dtype));
        };
        std::map<std::string, TensorFile> made{
            {"right", seen(posed, {}, DType::f32)},
            {"wrong", seen(posed, defects::defect("merge-by-max").first(posed.problem), DType::f32)},
            {"half", seen(half, {}, DType::bf16)}};
        for (const char* probe : {"chunks", "gradients"}) {
            const auto found = std::ranges::find(defects::probes(), probe, &defects::Probe::name);
            made[std::string("probes/") + probe + ".answer.safetensors"] =
                file_of(sample(*found), answer(*found, defects::defect("merge-mean"), 0));
        }
        return made;
    }();
    return files;
}

/// A folder with these files, in which a call works.
class WorkingFolder {
public:
    WorkingFolder() : back_(fs::current_path()) {
        fs::create_directory(folder_.file("probes"));
        for (const auto& [path, file] : given()) write_safetensors(folder_.file(path), file);
        fs::current_path(folder_.file(""));
        before_ = paths();
    }
    ~WorkingFolder() { fs::current_path(back_); }

    bool untouched() const { return paths() == before_; }

private:
    static std::set<fs::path> paths() {
        return {fs::recursive_directory_iterator("."), fs::recursive_directory_iterator()};
    }

    const test::Folder folder_;
    const fs::path back_;
    std::set<fs::path> before_;
};

/// Both commands, and no path that leads out of the folder.
bool may_run(const std::vector<std::string>& words) {
    return words.size() > 1 && (words[1] == "diagnose" || words[1] == "probe") &&
           std::ranges::none_of(words, [](const std::string& word) {
               return word.find('/') != word.npos || word.find("..") != word.npos;
           });
}

void check_json(int status) {
    std::ifstream stream("json");
    if (stream.peek() != '{') return; // not asked for; or the name of a folder, or of a heat map
    const nlohmann::json said = nlohmann::json::parse(stream);
    require(said.at("verdict") == (status == 0 ? "correct" : "wrong"), "the JSON and the exit status agree");
}

} // namespace
} // namespace dra::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dra;
    const fuzz::Arguments arguments(data, size);
    if (!fuzz::may_run(arguments.words())) return 0;
    const fuzz::WorkingFolder folder;
    bool refused = true;
    fuzz::refusing([&] {
        cli::CommandLine line;
        const std::optional<int> said = line.parse(arguments.count(), arguments.pointers());
        const int status = said ? *said : line.run();
        refused = false;
        fuzz::require(status == cli::success || status == cli::out_of_tolerance, "the exit status is 0 or 1");
        fuzz::check_json(status);
    });
    if (refused) fuzz::require(folder.untouched(), "who is refused leaves nothing behind");
    return 0;
}
