#include "tests/cli/complaint.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>

namespace dra::test {
namespace {

using Words = std::vector<std::string>;

Words diagnose(const std::string& json) {
    return {"diagnose", "--input", golden_path("dense").string(), "--segments", "64", "--dilations", "1",
            "--json",   json};
}

/// Everything that prints its result, or some of it.
std::vector<Words> printing(const Folder& folder) {
    std::vector<Words> all = {{"--version"},
                              {"--help"},
                              {"run", "--help"},
                              diagnose(folder.file("json")),
                              {"probe", "--emit", folder.file("probes")}};
    if (DRA_HAS_BENCHMARKS)
        all.push_back({"compare", "--lengths", "16", "--head-dim", "8", "--repetitions", "0", "--fix", "2", "--report",
                       folder.file("report")});
    return all;
}

/// The last line of what is said of standard output.
std::string said(const Words& arguments, const Shell& shell) {
    const Outcome outcome = call(arguments, shell);
    CHECK(outcome.status == 2);
    REQUIRE(outcome.error.ends_with('\n'));
    const std::size_t begin = outcome.error.rfind('\n', outcome.error.size() - 2) + 1; // 0 where there is one line
    return outcome.error.substr(begin, outcome.error.size() - begin - 1);
}

const std::string rule = "dra: standard output = (incomplete): cannot be written: ";

} // namespace

TEST_CASE("a full disk behind standard output is said, and is no success") {
    const Folder folder;
    for (const Words& arguments : printing(folder)) {
        CAPTURE(arguments[0]);
        CHECK(said(arguments, {"", ">/dev/full"}) == rule + "No space left on device");
    }
    CHECK(std::filesystem::exists(folder.file("json"))); // what could be written was
}

TEST_CASE("a standard output that is closed, or that nobody reads, is said, and is no success") {
    const Folder folder;
    const std::string pipe = folder.file("pipe"),
                      unread = fmt::format("rm -f '{0}'; mkfifo '{0}'; exec 3<>'{0}' 4>'{0}' 3>&-;", pipe);
    for (const Words& arguments : printing(folder)) {
        CAPTURE(arguments[0]);
        CHECK(said(arguments, {"", ">&-"}) == rule + "Bad file descriptor");
        CHECK(said(arguments, {unread, ">&4"}) == rule + "Broken pipe");
    }
}

TEST_CASE("what is printed does not reach a file, whichever standard streams are closed") {
    const Folder folder;
    const std::string json = folder.file("json");
    REQUIRE(call(diagnose(json)).status == 0);
    const std::string right = read_text(json);
    for (const char* closed : {">&-", "2>&-", "<&- >&- 2>&-"}) {
        CAPTURE(closed);
        std::filesystem::remove(json);
        call(diagnose(json), {"", closed});
        CHECK(read_text(json) == right);
    }
}

TEST_CASE("a command that prints nothing needs no standard output, and an error no standard error") {
    const Folder folder;
    const Words run = {"run",      "--input",        golden_path("dense").string(),
                       "--output", folder.file("x"), "--segments",
                       "64",       "--dilations",    "1"};
    CHECK(call(run, {"", ">&- 2>/dev/full"}).status == 0);
    CHECK(call({"walk"}, {"", "2>/dev/full"}).status == 2);
    CHECK(call({"walk"}, {"", "2>&-"}).status == 2);
}

} // namespace dra::test
