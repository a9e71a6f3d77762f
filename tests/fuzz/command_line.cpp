// The command line: any arguments are either refused by an InputError that names field, value and rule, or understood; and a
// problem that is understood and validated keeps every rule of the definition.

#include "cli/command_line.hpp"
#include "cli/problem_flags.hpp"
#include "reference/definition/error.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace dra::fuzz {
namespace {

/// Lines as arguments.
std::vector<std::string> arguments_of(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> arguments{"dra"};
    const auto *begin = data, *end = data + size;
    while (begin != end) {
        const auto* line_end = std::find(begin, end, '\n');
        const auto* zero = std::find(begin, line_end, '\0'); // no argument of a process goes on after one
        arguments.emplace_back(begin, zero);
        begin = line_end == end ? end : line_end + 1;
    }
    return arguments;
}

std::vector<const char*> pointers(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return argv;
}

void check(const Problem& problem) {
    require(problem.patterns() > 0, "there is a pattern");
    require(problem.segment_lengths.size() == problem.dilation_rates.size(), "every w has an r");
    for (std::size_t i = 0; i < problem.segment_lengths.size(); ++i)
        require(1 <= problem.dilation_rates[i] && problem.dilation_rates[i] <= problem.segment_lengths[i],
                "1 <= r <= w");
    require(std::isfinite(problem.softmax_scale), "the scale is finite");
    require(problem.ranks >= 1, "R >= 1");
}

template <class F> void refusing(F f) {
    try {
        f();
    } catch (const InputError& error) {
        const std::string_view what = error.what();
        require(what.find(" = ") != what.npos && what.find(": ") != what.npos, "an error is field = value: rule");
    }
}

} // namespace
} // namespace dra::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dra;
    const std::vector<std::string> arguments = fuzz::arguments_of(data, size);
    const std::vector<const char*> argv = fuzz::pointers(arguments);
    const int argc = static_cast<int>(argv.size());

    fuzz::refusing([&] {
        cli::CommandLine line;
        line.parse(argc, argv.data()); // what it chose is not run
    });
    fuzz::refusing([&] {
        CLI::App program;
        cli::ProblemFlags flags;
        flags.add_to(program, "ranks");
        try {
            program.parse(argc, argv.data());
        } catch (const CLI::ParseError&) {
            return;
        }
        const TensorInfo tensor{DType::f32, {1, 64, 4, 8}};
        fuzz::check(validate(flags.configuration(), {tensor, tensor, tensor, {}}));
    });
    return 0;
}
