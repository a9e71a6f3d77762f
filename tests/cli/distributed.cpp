#include "reference/definition/tolerance.hpp"
#include "reference/ring/cost.hpp"
#include "tests/cli/complaint.hpp"
#include "tests/cli/golden_flags.hpp"

#include <sstream>

namespace dra::test {
namespace {

using Words = std::vector<std::string>;

/// The words of each line.
std::vector<Words> lines_of(const std::string& text) {
    std::vector<Words> lines;
    std::istringstream stream(text);
    for (std::string line, word; std::getline(stream, line);) {
        std::istringstream words(line);
        for (lines.emplace_back(); words >> word;) lines.back().push_back(word);
    }
    return lines;
}

/// What ranks that are threads make of a golden case, of which every tensor is judged; what they say of themselves.
template <class T> std::vector<Words> run(const Golden& golden, const std::string& input, const Words& more) {
    const Folder folder;
    const std::string output = folder.file("out");
    const Outcome outcome = call(Words{"run", "--input", input, "--output", output, "--backend", "distributed"} +
                                 flags_of(golden.configuration) + more);
    CHECK(outcome.error == "");
    REQUIRE(outcome.status == 0);
    const TensorFile file = read_safetensors(output);
    const auto tensor = [&](const char* name) { return to_tensor<T>(name, file.at(name)); };
    const Problem problem = golden.problem();
    Attention<T> attention{tensor("out"), Lse<T>(problem.batch, problem.heads, problem.tokens)};
    attention.lse.flat() = std::get<Eigen::ArrayX<T>>(file.at("lse").elements);
    const Gradients<T> gradients{tensor("dq"), tensor("dk"), tensor("dv")};
    CHECK(error_ratios(problem, golden.expected, attention, &gradients).within_bounds());
    CHECK(file.metadata.at("backend") == "distributed");
    return lines_of(outcome.out);
}

std::string with(const Words& more) { return run_complaint(Words{"--segments", "4", "--dilations", "1"} + more); }

} // namespace

TEST_CASE("golden cases pass through ranks that are threads, by every strategy, in every layout") {
    for (const std::string name : {"mixture-gqa", "dilated-causal"}) {
        const Golden golden = load_golden(name);
        for (const Strategy strategy : all_strategies)
            for (const char* layout : {"contiguous", "segment-zigzag"}) {
                CAPTURE(name);
                CAPTURE(dra::name(strategy));
                run<float>(golden, golden_path(name).string(),
                           {"--ranks", "3", "--strategy", dra::name(strategy), "--layout", layout});
            }
    }
}

TEST_CASE("ranks that are threads compute and write F64 in double") {
    const Folder folder;
    const Golden golden = load_golden("mixture-gqa");
    TensorFile file;
    for (const auto& [name, tensor] :
         {std::pair{"q", &golden.q}, {"k", &golden.k}, {"v", &golden.v}, {"dout", &golden.dout}})
        file.tensors[name] = to_file(tensor->template cast<double>());
    write_safetensors(folder.file("in"), file);
    run<double>(golden, folder.file("in"), {"--ranks", "2"});
}

TEST_CASE("what each rank received, sent and holds is said, and is what the strategy costs") {
    Golden golden = load_golden("dilated-causal");
    golden.configuration.ranks = 4;
    const Problem problem = golden.problem();
    for (const Strategy strategy : all_strategies) {
        const std::vector<Words> lines = run<float>(golden, golden_path(golden.name).string(),
                                                    {"--ranks", "4", "--strategy", name(strategy), "--timeout", "60"});
        REQUIRE(lines.size() == 2 + 2 * 4);
        CHECK(lines[0].front() == name(strategy));
        for (Index rank = 0; rank < 4; ++rank)
            for (const PassName pass : {PassName::attention, PassName::gradient}) {
                const bool gradient = pass == PassName::gradient;
                const Words& line = lines[2 + rank + (gradient ? 4 : 0)];
                const Cost predicted = cost(strategy, problem, rank, pass, sizeof(float));
                CHECK(line[0] == (gradient ? "gradient" : "attention"));
                CHECK(line[1] == std::to_string(rank));
                CHECK(line[2] == std::to_string(predicted.bytes_received));
                CHECK(line[3] == (gradient ? "-" : std::to_string(least_bytes(problem, rank, sizeof(float)))));
                CHECK(line[4] == std::to_string(predicted.bytes_sent));
                CHECK(line[6] == std::to_string(memory_beyond_shards(strategy, problem, rank, true, sizeof(float))));
            }
    }
}

TEST_CASE("flags of ranks of their own are refused with a backend that has none") {
    for (const std::string backend : {"oracle", "cpu", "ring", "cuda", "emulated"}) {
        const std::string rule = ": must go with --backend distributed, not with " + backend;
        CHECK(with({"--backend", backend, "--strategy", "ring"}) == "--strategy = ring" + rule);
        CHECK(with({"--backend", backend, "--timeout", "3"}) == "--timeout = 3" + rule);
    }
    CHECK(with({"--backend", "distributed", "--dtype", "bf16"}) ==
          "--dtype = bf16: must go with --backend cuda or emulated, not with distributed");
}

TEST_CASE("unknown strategies, timeouts that are none, and more ranks than threads are refused in a line") {
    const Words distributed = {"--backend", "distributed"};
    CHECK(with(distributed + Words{"--strategy", "gossip"}) ==
          "--strategy = gossip: must be one of replicate, all-gather, ring, dilated-ring, segment-gather, heads");
    for (const std::string wrong : {"0", "-1", "86401", "inf", "nan"})
        CHECK(with(distributed + Words{"--timeout", wrong}) ==
              "--timeout = " + wrong + ": must be a number of seconds from 0.001 to 86400");
    CHECK(with(distributed + Words{"--timeout", "soon"}) == "--timeout = soon: must be a number");
    CHECK(with(distributed + Words{"--ranks", "257"}) ==
          "--ranks = 257: must be at most 256 with --backend distributed, whose ranks are threads");
    CHECK(with(distributed + Words{"--ranks", "0"}) == "ranks = 0: must be between 1 and 65536");
}

} // namespace dra::test
