#include "benchmarks/speed/ladder_speed.hpp"

#include "benchmarks/measuring/statistics.hpp"
#include "cuda/device/attention.hpp"
#include "reference/definition/random.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dra::benchmarks {
namespace {

constexpr double not_again = 10, competes = 0.5;
constexpr double seconds_per_timing = 0.002; // how long runs go on, back to back, between two events

Problem problem_of(const LadderCase& shape) {
    const TensorInfo info{DType::f32, {shape.batch, shape.tokens, shape.heads, shape.head_dim}};
    return validate(
        {.segment_lengths = {shape.segment_length}, .dilation_rates = {shape.dilation_rate}, .causal = shape.causal},
        {info, info, info, {}});
}

} // namespace

double LadderCase::flops() const {
    Index pairs = 0;
    for (Index s = 0; s < pattern().segments(tokens); ++s) {
        const Index m = pattern().selected(s, tokens).count;
        pairs += causal ? m * (m + 1) / 2 : m * m;
    }
    return 4.0 * static_cast<double>(head_dim * pairs * batch * heads);
}

std::vector<LadderCase> usual_ladder_cases() {
    std::vector<LadderCase> cases;
    for (const Index D : {128, 64})
        for (const bool causal : {false, true}) {
            for (const Index n : {2048, 4096, 8192, 16384}) cases.push_back({16384 / n, n, 2048 / D, D, causal, n, 1});
            for (const Index m : {512, 1024, 2048})
                for (const Index r : {1, 2, 4, 8}) cases.push_back({2, 16384, 2048 / D, D, causal, m * r, r});
        }
    return cases;
}

double LadderSpeed::tflops(const KernelSpeed& kernel) const {
    return shape.flops() / spread(kernel.samples).median / 1e12;
}

const KernelSpeed* LadderSpeed::fastest() const {
    const KernelSpeed* found = nullptr;
    for (const KernelSpeed& kernel : kernels)
        if (!kernel.samples.empty() && kernel.errors.within_bounds() && (!found || tflops(kernel) > tflops(*found)))
            found = &kernel;
    return found;
}

LadderBench::LadderBench(cuda::Device& device, DType type, const std::vector<LadderCase>& cases)
    : device_(device), type_(type) {
    Index size = 0;
    for (const LadderCase& shape : cases)
        size = std::max(size, shape.batch * shape.tokens * shape.heads * shape.head_dim);
    for (const std::uint64_t seed : {1, 2, 3})
        inputs_.push_back(cuda::rounded(random_normal<float>({1, size, 1, 1}, seed), type));
}

/// As many of the numbers as the case needs.
TensorView<const float> LadderBench::input(std::size_t i, const LadderCase& shape) const {
    return {inputs_[i].data(), {shape.batch, shape.tokens, shape.heads, shape.head_dim}};
}

std::string LadderBench::why_left_out(const std::string& kernel, const LadderCase& shape) const {
    const auto met = share_.find({kernel, shape.head_dim, shape.causal});
    if (met == share_.end() || met->second >= competes) return "";
    return fmt::format("it reached {:.0f} % of the fastest's rate where it was first met", 100 * met->second);
}

std::vector<LadderBench::Run> LadderBench::first_runs(LadderSpeed& found, const Progress& progress) {
    const LadderCase& shape = found.shape;
    const Problem problem = problem_of(shape);
    const auto q = input(0, shape), k = input(1, shape), v = input(2, shape);
    const std::vector<SampledRow> truth = sampled_rows({q, k, v}, shape.pattern(), shape.causal);
    std::vector<Run> runs;
    for (KernelSpeed& kernel : found.kernels) {
        kernel.left_out = why_left_out(kernel.name, shape);
        if (!kernel.left_out.empty()) continue;
        if (progress) progress("verifying " + kernel.name);
        try {
            runs.push_back({&kernel, device_.make_executor(problem, type_, kernel.name)});
        } catch (const cuda::KernelError& error) {
            kernel.left_out = error.what();
            continue;
        }
        cuda::AttentionExecutor& executor = *runs.back().executor;
        executor.upload(q, k, v);
        executor.run();
        kernel.errors = sampled_errors(truth, result_of(executor, problem));
        kernel.samples = {executor.timed_run(1).device_seconds};
    }
    return runs;
}

LadderSpeed LadderBench::speed(const LadderCase& shape, const Effort& effort, const Progress& progress) {
    LadderSpeed found{shape, {}};
    for (const std::string& kernel : device_.kernel_names()) found.kernels.push_back({kernel, "", {}, {}});
    std::vector<Run> runs = first_runs(found, progress);
    const KernelSpeed* quickest = found.fastest();
    if (!quickest) return found;

    const double longest = not_again * quickest->samples.front();
    std::erase_if(runs, [&](const Run& run) {
        return !run.kernel->errors.within_bounds() || run.kernel->samples.front() > longest;
    });
    std::vector<Alternative> alternatives;
    for (const Run& run : runs) {
        const int together = std::max(1, static_cast<int>(seconds_per_timing / run.kernel->samples.front()));
        alternatives.push_back({.name = run.kernel->name, .run = {}, .timed = [&executor = *run.executor, together] {
                                    return executor.timed_run(together);
                                }});
    }
    const std::vector<Samples> samples = time_interleaved(alternatives, effort, progress);
    for (std::size_t i = 0; i < runs.size(); ++i) runs[i].kernel->samples = samples[i];

    const double best = found.tflops(*found.fastest());
    for (const KernelSpeed& kernel : found.kernels)
        if (!kernel.samples.empty())
            share_.try_emplace({kernel.name, shape.head_dim, shape.causal}, found.tflops(kernel) / best);
    return found;
}

cuda::ChoiceTable choices(const cuda::DeviceFacts& facts, DType type, const std::vector<LadderSpeed>& found) {
    cuda::ChoiceTable table{facts.name, facts.architecture, {}};
    for (const LadderSpeed& speed : found)
        if (const KernelSpeed* fastest = speed.fastest())
            table.choices.push_back({type, static_cast<int>(speed.shape.head_dim), speed.shape.causal,
                                     static_cast<int>(speed.shape.rows()), static_cast<int>(speed.shape.dilation_rate),
                                     fastest->name});
    return table;
}

} // namespace dra::benchmarks
