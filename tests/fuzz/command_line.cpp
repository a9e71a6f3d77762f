// The command line: any arguments are either refused by an InputError that names field, value and rule, or understood;
// and a problem that is understood and validated keeps every rule of the definition.

#include "cli/command_line.hpp"
#include "cli/problem_flags.hpp"
#include "tests/fuzz/arguments.hpp"

#include <CLI/CLI.hpp>

namespace dra::fuzz {
namespace {

void check(const Problem& problem) {
    require(problem.patterns() > 0, "there is a pattern");
    require(problem.segment_lengths.size() == problem.dilation_rates.size(), "every w has an r");
    for (std::size_t i = 0; i < problem.segment_lengths.size(); ++i)
        require(1 <= problem.dilation_rates[i] && problem.dilation_rates[i] <= problem.segment_lengths[i],
                "1 <= r <= w");
    require(std::isfinite(static_cast<float>(problem.softmax_scale)), "the scale is finite, also as float");
    require(problem.softmax_scale == 0 || std::isnormal(static_cast<float>(problem.softmax_scale)),
            "the scale is 0 only where it was asked to be");
    require(1 <= problem.ranks && problem.ranks <= most_ranks, "1 <= R <= 65,536");
    require(0 <= problem.dropout && problem.dropout < 1, "0 <= p < 1");
}

} // namespace
} // namespace dra::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dra;
    const fuzz::Arguments arguments(data, size);
    const int argc = arguments.count();
    const char* const* argv = arguments.pointers();

    fuzz::refusing([&] {
        cli::CommandLine line;
        line.parse(argc, argv); // what it chose is not run
    });
    fuzz::refusing([&] {
        CLI::App program;
        cli::ProblemFlags flags;
        flags.add_to(cli::FlagList(program), "ranks");
        try {
            program.parse(argc, argv);
        } catch (const CLI::ParseError&) {
            return;
        }
        const TensorInfo tensor{DType::f32, {1, 64, 4, 8}};
        fuzz::check(validate(flags.configuration(), {tensor, tensor, tensor, {}}));
    });
    return 0;
}
