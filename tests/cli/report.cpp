#include "tests/cli/complaint.hpp"

#include <doctest/doctest.h>

#include <filesystem>

namespace dra::test {

TEST_CASE("compare that left every length out is no success, and replaces nothing") {
    const Folder folder;
    std::ofstream(folder.file("json")) << "before";
    CHECK(complaint({"compare", "--input", golden_path("dense").string(), "--lengths", "4096", "--json",
                     folder.file("json"), "--report", folder.file("report")}) ==
          "--lengths = (none left): one must be measured; n = 4096: the input has 33 tokens");
    CHECK(read_text(folder.file("json")) == "before");
}

TEST_CASE("compare makes its report's folder, or says before the work that it cannot, and leaves none that is empty") {
    const Folder folder;
    std::ofstream(folder.file("index.html")) << "before";
    const auto refused = [](const std::string& report) {
        return complaint({"compare", "--report", report, "--input", "/absent/file"});
    };
    CHECK(refused("/proc/report").starts_with("--report = /proc/report: must be a folder, or one to be made: "));
    CHECK(refused(folder.file("index.html")).starts_with("--report = "));
    CHECK(refused(folder.file("")).ends_with("must not have an index.html that is not this program's"));
    CHECK(refused(folder.file("some/report")).starts_with("input = /absent/file"));
    CHECK_FALSE(std::filesystem::exists(folder.file("some")));
    CHECK(read_text(folder.file("index.html")) == "before");
}

TEST_CASE("a report that could not be made is no success, and the figures are there") {
    const Folder folder;
    const Outcome outcome = call({"compare", "--fix", "2", "--lengths", "16", "--head-dim", "8", "--repetitions", "0",
                                  "--report", folder.file("report")},
                                 {"DRA_PYTHON_EXECUTABLE=false", ""});
    CHECK(outcome.status == 1);
    CHECK(outcome.out.find("Fix 2") != std::string::npos);
    CHECK(outcome.error.find("/index.html: was not made, for python3 ended with status 1; ") != std::string::npos);
    CHECK(std::filesystem::exists(folder.file("report/compare.json")));
}

} // namespace dra::test
