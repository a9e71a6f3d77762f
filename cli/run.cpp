#include "cli/commands.hpp"
#include "cli/described.hpp"
#include "cli/device_run.hpp"
#include "cli/distributed_run.hpp"
#include "cli/flags.hpp"
#include "cli/named_files.hpp"
#include "cli/problem_flags.hpp"
#include "cli/standard_streams.hpp"
#include "cli/take_tensor.hpp"
#include "reference/attention/dilated_attention.hpp"
#include "reference/attention/dilated_attention_gradient.hpp"
#include "reference/definition/oracle.hpp"
#include "reference/definition/safetensors.hpp"
#include "reference/ring/ring_attention.hpp"
#include "reference/ring/ring_attention_gradient.hpp"

#include <memory>
#include <optional>

namespace dra::cli {
namespace {

enum class Backend { oracle, cpu, ring, distributed, cuda, emulated };

/// The flags as they were typed.
struct Flags {
    std::string input, output, backend = "cpu";
    ProblemFlags problem;
    std::optional<std::string> threads;
    DistributedFlags distributed;
    DeviceFlags device;
    bool check_finite = false;
};

Backend parse_backend(const std::string& text) {
    if (text == "oracle") return Backend::oracle;
    if (text == "cpu") return Backend::cpu;
    if (text == "ring") return Backend::ring;
    if (text == "distributed") return Backend::distributed;
    if (text == "cuda") return Backend::cuda;
    if (text == "emulated") return Backend::emulated;
    throw PatternError("--backend", text, "must be one of oracle, cpu, ring, distributed, cuda, emulated");
}

/// The device of the backends that have one. Throws PatternError for flags that the others do not take.
std::optional<DeviceRun> open_device_run(const Flags& flags, Backend backend) {
    if (backend == Backend::cuda || backend == Backend::emulated) {
        if (flags.problem.dropout)
            throw PatternError("--dropout", *flags.problem.dropout,
                               "must go with --backend oracle, cpu, ring or distributed, not with " + flags.backend);
        return DeviceRun(flags.backend, flags.device);
    }
    const std::string rule = "must go with --backend cuda or emulated, not with " + flags.backend;
    if (flags.device.dtype) throw PatternError("--dtype", *flags.device.dtype, rule);
    if (flags.device.kernel) throw PatternError("--kernel", *flags.device.kernel, rule);
    return std::nullopt;
}

/// How ranks of their own are run, where the backend has them. Throws PatternError for flags that the others do not take.
std::optional<DistributedRun> distributed_run(const Flags& flags, Backend backend) {
    if (backend == Backend::distributed) return parse_distributed_run(flags.distributed);
    const std::string rule = "must go with --backend distributed, not with " + flags.backend;
    if (flags.distributed.strategy) throw PatternError("--strategy", *flags.distributed.strategy, rule);
    if (flags.distributed.timeout) throw PatternError("--timeout", *flags.distributed.timeout, rule);
    return std::nullopt;
}

/// The oracle's result, rounded to the type that the other backends compute in.
template <class T> Attention<T> rounded(const Attention<double>& truth) {
    const auto [B, H, N] = truth.lse.shape();
    Attention<T> attention{truth.out.cast<T>(), Lse<T>(B, H, N)};
    attention.lse.flat() = truth.lse.flat().cast<T>();
    return attention;
}

template <class T> Gradients<T> rounded(const Gradients<double>& truth) {
    return {truth.dq.cast<T>(), truth.dk.cast<T>(), truth.dv.cast<T>()};
}

/// The output file, and what is printed once it is there.
struct Computed {
    TensorFile file;
    std::string said = {};
};

/// Computed in T; by ranks of their own where `ranks` says how.
template <class T> Computed compute(const Problem& problem, Backend backend, const std::optional<DistributedRun>& ranks,
                                    TensorFile file, bool finite) {
    const auto read = [&](const char* name) {
        Tensor<T> tensor = take_tensor<T>(file, name);
        if (finite) check_finite<T>(name, tensor);
        return tensor;
    };
    const Tensor<T> q = read("q"), k = read("k"), v = read("v");
    std::optional<Tensor<T>> dout;
    if (file.contains("dout")) dout = read("dout");
    std::optional<TensorView<const T>> given;
    if (dout) given = *dout;

    Attention<T> result;
    std::optional<Gradients<T>> gradients;
    Computed computed;
    if (ranks) {
        auto all = distributed::attention_by_threads<T>(problem, ranks->strategy, {q, k, v}, given, {}, ranks->timeout);
        result = std::move(all.attention);
        gradients = std::move(all.gradients);
        computed.said = figures_text(problem, ranks->strategy, sizeof(T), all.figures, dout.has_value());
        computed.file.metadata["strategy"] = name(ranks->strategy);
    } else if (backend == Backend::oracle) {
        const Oracle truth = oracle<T>(problem, {q, k, v}, given);
        result = rounded<T>(truth.attention);
        if (dout) gradients = rounded<T>(*truth.gradients);
    } else if (backend == Backend::cpu) {
        result = dilated_attention<T>(problem, {q, k, v});
        if (dout) gradients = dilated_attention_gradient<T>(problem, {q, k, v}, result, *dout);
    } else {
        result = ring_attention<T>(problem, {q, k, v});
        if (dout) gradients = ring_attention_gradient<T>(problem, {q, k, v}, result, *dout);
    }
    TensorFile& written = computed.file;
    written.tensors["out"] = to_file(result.out);
    written.tensors["lse"] = to_file(result.lse);
    if (gradients) {
        written.tensors["dq"] = to_file(gradients->dq);
        written.tensors["dk"] = to_file(gradients->dk);
        written.tensors["dv"] = to_file(gradients->dv);
    }
    return computed;
}

int run(const Flags& flags) {
    const Configuration chosen = flags.problem.configuration();
    const Backend backend = parse_backend(flags.backend);
    if (flags.threads) use_threads("--threads", *flags.threads);
    check_files({{"--output", flags.output}}, {{"--input", flags.input}});
    const std::optional<DistributedRun> ranks = distributed_run(flags, backend);
    const std::optional<DeviceRun> device = open_device_run(flags, backend);

    TensorFile file = read_safetensors(flags.input, problem_tensors);
    const Problem problem = validate(chosen, describe(file));
    if (ranks) check_threads(problem);
    const bool in_double = file.at("q").dtype == DType::f64;
    auto [result, said] = device      ? Computed{(*device)(problem, std::move(file), flags.check_finite)}
                          : in_double ? compute<double>(problem, backend, ranks, std::move(file), flags.check_finite)
                                      : compute<float>(problem, backend, ranks, std::move(file), flags.check_finite);
    result.metadata.merge(describe(problem));
    result.metadata.emplace("backend", flags.backend);
    OutputFile output(flags.output, "--output");
    write_safetensors(output, result);
    put_in_place(std::move(output));
    if (ranks) say(std::string_view(said));
    return success;
}

} // namespace

Command run_command(const FlagList& program) {
    const auto flags = std::make_shared<Flags>();
    const FlagList command = program.command("run", "Dilated attention of q, k, v from one file into another");
    command.require("--input", flags->input, "q, k, v and, for gradients, dout: [B, N, H, D]", "FILE.safetensors");
    command.require("--output", flags->output, "out, lse and, with dout, dq, dk, dv", "FILE.safetensors");
    flags->problem.add_to(command, "ranks of the ring, or of distributed; default: 1");
    command.add(
        "--backend", flags->backend,
        "what computes; default: cpu. distributed: ranks that are threads; cuda: the kernels on a GPU; emulated: the "
        "same kernels on this CPU, every thread of them, which is slow",
        "oracle|cpu|ring|distributed|cuda|emulated");
    command.add("--strategy", flags->distributed.strategy,
                "of distributed: how keys come to the queries that need them; default: segment-gather",
                "replicate|all-gather|ring|dilated-ring|segment-gather|heads");
    command.add("--timeout", flags->distributed.timeout,
                "of distributed: the longest that a rank waits for another; default: 30", "SECONDS");
    command.add("--dtype", flags->device.dtype,
                "of cuda and emulated: q, k, v are rounded to it, out is stored in it; default: the input's, else fp32",
                "fp32|bf16|fp16");
    command.add("--kernel", flags->device.kernel,
                "of cuda and emulated: the kernel of the ladder; default: the fastest", "NAME");
    command.add("--threads", flags->threads, "default: one a core", "T");
    command.add("--check-finite", flags->check_finite,
                "refuse input that is not finite, or so large that what a device makes of it might not be");
    return {command, [flags] { return run(*flags); }};
}

} // namespace dra::cli
