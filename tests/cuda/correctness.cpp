// Every kernel of a device against the oracle: golden cases, real tensors, and random problems that are new each time.
//
// Prints a line a kernel and type with the largest share of a bound that it used (1 is at the bound), and every
// failure. Run it in a folder that holds golden/ and data/.

#include "cuda/device/attention.hpp"
#include "reference/definition/half_precision.hpp"
#include "tests/cuda/program.hpp"
#include "tests/golden.hpp"
#include "tests/problems.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <random>
#include <sstream>

namespace dra::cuda {
namespace {

/// A problem with its tensors, before they are rounded to any type.
struct Case {
    std::string name;
    Problem problem;
    Tensor<float> q, k, v;
};

/// The case in one type: rounded inputs, and the truth about them.
class Judged {
public:
    Judged(const Case& of, DType type)
        : problem_(of.problem), type_(type), q_(rounded(of.q, type)), k_(rounded(of.k, type)), v_(rounded(of.v, type)),
          truth_(oracle<float>(problem_, {q_, k_, v_})) {
        if (type == DType::bf16) yardstick_ = rounding_oracle<bfloat16>(problem_, {q_, k_, v_});
        if (type == DType::f16) yardstick_ = rounding_oracle<half>(problem_, {q_, k_, v_});
    }

    /// The largest share of a bound that a kernel's result uses; nothing where the kernel cannot do the problem.
    std::optional<double> share(Device& device, const std::string& kernel) const {
        try {
            const Attention<float> result = attention(device, problem_, type_, q_, k_, v_, kernel);
            if (type_ == DType::bf16) return half_errors<bfloat16>(problem_, truth_, yardstick_, result).worst();
            if (type_ == DType::f16) return half_errors<half>(problem_, truth_, yardstick_, result).worst();
            return error_ratios(problem_, truth_, result).forward() / forward_bound;
        } catch (const KernelError&) {
            return std::nullopt;
        }
    }

private:
    const Problem& problem_;
    DType type_;
    Tensor<float> q_, k_, v_;
    Oracle truth_;
    Tensor<double> yardstick_;
};

/// What became of one kernel in one type.
struct Tally {
    int right = 0, wrong = 0, refused = 0;
    double worst = 0;
};

/// Sizes that the kernels' tiles do not divide, head sizes up to what only the first steps take.
Case random_case(std::uint64_t seed, bool small) {
    test::SeededDraw draw(seed);
    test::Question asked = test::draw_question(std::ref(draw), {.tokens = small ? 150 : 700});
    const Index widest = draw(0, 7) == 0 ? 32 : 16;
    asked.q.head_dim = draw(0, 1) == 0 ? 8 * draw(1, widest) : 64 * draw(1, 2);
    if (asked.configuration.softmax_scale)
        *asked.configuration.softmax_scale *= std::sqrt(3.0 / static_cast<double>(asked.q.head_dim));
    if (draw(0, 1) == 0 && asked.q.tokens >= 32) { // what a tensor map can describe
        asked.q.tokens = asked.q.tokens / 32 * 32;
        for (Index& w : asked.configuration.segment_lengths) w = asked.q.tokens / (draw(0, 1) == 0 ? 1 : 2);
        for (Index& r : asked.configuration.dilation_rates) r = Index{1} << draw(0, 3);
    }
    const test::RandomInputs<float> inputs(asked);
    std::ostringstream words;
    words << asked;
    return {words.str(), inputs.problem, inputs.q, inputs.k, inputs.v};
}

/// A case whose q, k and v are those of a file in the bundle.
Case file_case(const std::string& name, const TensorFile& file, const Configuration& asked) {
    Case of{name,
            {},
            to_tensor<float>("q", file.at("q")),
            to_tensor<float>("k", file.at("k")),
            to_tensor<float>("v", file.at("v"))};
    of.problem = validate(asked, info<float>({of.q, of.k, of.v}));
    return of;
}

std::vector<Case> golden_cases() {
    std::vector<Case> cases;
    for (const std::string& name : test::golden_names()) {
        const TensorFile file = read_safetensors(test::golden_path(name));
        cases.push_back(file_case("golden " + name, file, test::golden_configuration(file)));
    }
    return cases;
}

std::vector<Case> language_model_cases() {
    const TensorFile file = read_safetensors(test::data_folder() / "data" / "lm-qkv.safetensors");
    std::vector<Case> cases;
    const auto add = [&](const std::string& words, const Configuration& asked) {
        cases.push_back(file_case("lm-qkv " + words, file, asked));
    };
    add("dense causal", {.segment_lengths = {2048}, .dilation_rates = {1}, .causal = true});
    add("groups", {.segment_lengths = {1024, 2048}, .dilation_rates = {1, 4}});
    add("mixture causal",
        {.segment_lengths = {512, 1024, 2048}, .dilation_rates = {1, 2, 4}, .mode = Mode::mixture, .causal = true});
    return cases;
}

class Suite {
public:
    Suite(Device& device, std::string only) : device_(device), only_(std::move(only)) {}

    void run(const Case& of) {
        ++cases_;
        for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
            const Judged judged(of, type);
            for (const std::string& kernel : device_.kernel_names()) {
                if (!only_.empty() && kernel != only_) continue;
                Tally& tally = tallies_[{kernel, type_name(type)}];
                const std::optional<double> share = judged.share(device_, kernel);
                if (!share) {
                    ++tally.refused;
                    continue;
                }
                tally.worst = std::max(tally.worst, *share);
                ++(*share <= 1 ? tally.right : tally.wrong);
                if (!(*share <= 1)) {
                    failures_.push_back(
                        fmt::format("{} {}: {:.3g} of the bound: {}", kernel, type_name(type), *share, of.name));
                    fmt::print("FAILED {}\n", failures_.back());
                }
            }
        }
    }

    void print() const {
        fmt::print("{:14} {:5} {:>6} {:>6} {:>8} {:>8}\n", "kernel", "type", "right", "wrong", "refused", "worst");
        for (const auto& [of, tally] : tallies_)
            fmt::print("{:14} {:5} {:6} {:6} {:8} {:8.3f}\n", of.first, of.second, tally.right, tally.wrong,
                       tally.refused, tally.worst);
        fmt::print("{} problems; worst: the largest share of a bound, 1 is at the bound\n", cases_);
    }

    nlohmann::ordered_json record(std::uint64_t seed) const {
        const DeviceFacts& facts = device_.facts();
        nlohmann::ordered_json json = {{"device", facts.name},   {"architecture", facts.architecture},
                                       {"driver", facts.driver}, {"runtime", facts.runtime},
                                       {"seed", seed},           {"problems", cases_},
                                       {"failures", failures_}};
        for (const auto& [of, tally] : tallies_)
            json["kernels"].push_back({{"kernel", of.first},
                                       {"type", of.second},
                                       {"right", tally.right},
                                       {"wrong", tally.wrong},
                                       {"refused", tally.refused},
                                       {"worst_share_of_bound", tally.worst}});
        return json;
    }

    bool is_empty() const { return tallies_.empty(); }

    /// Every kernel did something, and nothing was wrong.
    bool passed() const {
        std::map<std::string, int> right;
        for (const auto& [of, tally] : tallies_) right[of.first] += tally.right;
        return failures_.empty() && !right.empty() &&
               std::ranges::all_of(right, [](const auto& of) { return of.second > 0; });
    }

private:
    Device& device_;
    std::string only_;
    int cases_ = 0;
    std::map<std::pair<std::string, std::string>, Tally> tallies_;
    std::vector<std::string> failures_;
};

int check(int argc, char** argv) {
    CLI::App program("Every kernel against the oracle");
    double seconds = 60;
    std::uint64_t seed = std::random_device()();
    int problems = 1'000'000;
    bool small = false;
    std::string json, kernel;
    program.add_option("--seconds", seconds, "for random problems");
    program.add_option("--problems", problems, "random problems, at most");
    program.add_option("--seed", seed, "of the first random problem; default: a new one each time");
    program.add_option("--kernel", kernel, "this kernel alone");
    program.add_flag("--small", small, "few and small problems, for a sanitizer");
    program.add_option("--json", json, "what was found");
    CLI11_PARSE(program, argc, argv);
    if (!json.empty()) check_writable(json, "--json");

    const std::unique_ptr<Device> device = DRA_CHECKED_DEVICE();
    fmt::print("{}, seed {}\n", device->facts().name, seed);
    Suite suite(*device, kernel);
    const auto began = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    if (!small) {
        for (const Case& of : golden_cases()) suite.run(of);
        for (const Case& of : language_model_cases()) suite.run(of);
        fmt::print("golden cases and real tensors: {:.1f} s\n", elapsed());
    }
    for (int i = 0; i < (small ? std::min(problems, 12) : problems) && elapsed() < seconds; ++i)
        suite.run(random_case(seed + static_cast<std::uint64_t>(i), small));
    suite.print();
    write_record(json, suite.record(seed));
    if (suite.is_empty()) throw std::runtime_error("no kernel was run: nothing is known");
    return suite.passed() ? 0 : 1;
}

} // namespace
} // namespace dra::cuda

int main(int argc, char** argv) { return dra::cuda::status_of("correctness", dra::cuda::check, argc, argv); }
