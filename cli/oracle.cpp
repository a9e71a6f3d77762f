#include "reference/definition/oracle.hpp"
#include "cli/commands.hpp"
#include "cli/described.hpp"
#include "cli/flags.hpp"
#include "cli/named_files.hpp"
#include "cli/problem_flags.hpp"
#include "reference/defects/result.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/safetensors.hpp"

#include <memory>

namespace dra::cli {
namespace {

/// The flags as they were typed.
struct Flags {
    std::string emit, batch = "1", tokens, heads = "4", head_dim = "64", seed = "1", dtype = "fp32";
    std::optional<std::string> kv_heads;
    ProblemFlags problem;
};

/// The sizes of q; and H of k and v. validate() judges them.
InputInfo sizes(const Flags& flags, DType dtype) {
    const auto size = [](const char* flag, const std::string& text) { return parse_integer(flag, text); };
    const TensorInfo q{dtype,
                       {size("--batch", flags.batch), size("--tokens", flags.tokens), size("--heads", flags.heads),
                        size("--head-dim", flags.head_dim)}};
    TensorInfo k = q;
    if (flags.kv_heads) k.shape[2] = size("--kv-heads", *flags.kv_heads);
    return {q, k, k, q};
}

int run(const Flags& flags) {
    const Configuration chosen = flags.problem.configuration();
    const DType dtype = parse_type("--dtype", flags.dtype);
    const std::uint64_t seed = parse_seed("--tensor-seed", flags.seed);
    const Problem problem = validate(chosen, sizes(flags, dtype));
    check_files({{"--emit", flags.emit}});

    const auto drawn = [&](const Shape& shape, std::uint64_t number) {
        return defects::stored(random_normal<double>(shape, 4 * seed + number), dtype);
    };
    const Tensor<double> q = drawn(problem.q_shape(), 0), k = drawn(problem.kv_shape(), 1),
                         v = drawn(problem.kv_shape(), 2), dout = drawn(problem.q_shape(), 3);
    const Oracle truth = oracle<double>(problem, {q, k, v}, dout.view());
    TensorFile file;
    file.tensors = {{"q", to_file(q, dtype)},
                    {"k", to_file(k, dtype)},
                    {"v", to_file(v, dtype)},
                    {"dout", to_file(dout, dtype)},
                    {"out", to_file(truth.attention.out)},
                    {"lse", to_file(truth.attention.lse)},
                    {"dq", to_file(truth.gradients->dq)},
                    {"dk", to_file(truth.gradients->dk)},
                    {"dv", to_file(truth.gradients->dv)}};
    file.metadata = describe(problem);
    file.metadata.emplace("tensor_seed", std::to_string(seed));
    if (!chosen.softmax_scale) file.metadata.erase("scale"); // as 1 / sqrt(D) is where nobody says otherwise
    OutputFile output(flags.emit, "--emit");
    write_safetensors(output, file);
    put_in_place(std::move(output));
    return success;
}

} // namespace

Command oracle_command(const FlagList& program) {
    const auto flags = std::make_shared<Flags>();
    const FlagList command = program.command("oracle", "Random inputs, and what they must give in float64");
    command.require("--emit", flags->emit, "q, k, v, dout in the type; out, lse, dq, dk, dv in F64",
                    "FILE.safetensors");
    command.require("--tokens", flags->tokens, "N", "N");
    command.add("--batch", flags->batch, "B; default: 1", "B");
    command.add("--heads", flags->heads, "H; default: 4", "H");
    command.add("--kv-heads", flags->kv_heads, "heads of k and v; default: H", "HKV");
    command.add("--head-dim", flags->head_dim, "D; default: 64", "D");
    command.add("--tensor-seed", flags->seed, "of the random numbers; default: 1", "S");
    command.add("--dtype", flags->dtype, "of the inputs; default: fp32", "fp64|fp32|bf16|fp16");
    flags->problem.add_to(command, "ranks of the ring; results do not depend on it");
    return {command, [flags] { return run(*flags); }};
}

} // namespace dra::cli
