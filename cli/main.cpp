#include "cli/command_line.hpp"
#include "cli/interruption.hpp"
#include "cli/standard_streams.hpp"
#include "reference/definition/error.hpp"

#include <algorithm>
#include <exception>
#include <new>

namespace dra::cli {
namespace {

/// One line, whatever file names and values bring along.
int report(std::string line, int status) {
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    remark("dra: {}\n", line);
    return status;
}

} // namespace
} // namespace dra::cli

int main(int argc, char** argv) {
    using namespace dra::cli;
    hold_standard_streams();
    survive_or_clean_up_on_signals();
    try {
        CommandLine line;
        const std::optional<int> said = line.parse(argc, argv);
        const int status = said ? *said : line.run();
        check_standard_output();
        return status;
    } catch (const dra::InputError& error) {
        return report(error.what(), wrong_input);
    } catch (const std::bad_alloc&) {
        return report("memory = (exhausted): the problem must fit into it", out_of_tolerance);
    } catch (const std::exception& error) {
        return report(error.what(), out_of_tolerance);
    }
}
