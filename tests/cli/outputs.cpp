#include "tests/cli/complaint.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <filesystem>

namespace dra::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const Words of_64_tokens = {"--segments", "64", "--dilations", "1"};

/// A call that writes what `flag` names, with inputs that are read only when all flags are found to be right.
struct Writer {
    std::string flag;
    Words call;
};

std::vector<Writer> writers(const Folder& report) {
    const Words absent = {"--input", "/absent/file"};
    std::vector<Writer> all = {{"--output", Words{"run"} + absent + of_64_tokens},
                               {"--emit", Words{"oracle", "--tokens", "64"} + of_64_tokens},
                               {"--json", Words{"diagnose"} + absent + of_64_tokens},
                               {"--heat-map", Words{"diagnose"} + absent + of_64_tokens},
                               {"--json", {"probe", "--check", "/absent/folder"}}};
    if (DRA_HAS_BENCHMARKS) {
        all.push_back({"--json", {"bench", "attention"}});
        all.push_back({"--json", {"bench", "scaling"}});
        all.push_back({"--json", {"bench", "distributed"}});
        all.push_back({"--json", Words{"compare", "--report", report.file("")} + absent});
    }
    return all;
}

/// Writes a golden case's result, or what stands in its way.
std::string run_into(const std::string& output, const Shell& shell = {}) {
    const Outcome outcome =
        call(Words{"run", "--input", golden_path("dense").string(), "--output", output} + of_64_tokens, shell);
    CHECK((outcome.status == 0) == outcome.error.empty());
    return outcome.error;
}

std::ptrdiff_t files_in(const std::string& folder) { return std::distance(fs::directory_iterator(folder), {}); }

} // namespace

TEST_CASE("a result's path is tried before the work, by every flag that names one") {
    const Folder folder, report;
    std::ofstream(folder.file("a_file"));
    for (const Writer& writer : writers(report)) {
        CAPTURE(writer.call[0]);
        CAPTURE(writer.flag);
        const auto says = [&](const std::string& path, const std::string& rule) {
            CHECK(complaint(writer.call + Words{writer.flag, path}) == writer.flag + " = " + path + ": " + rule);
        };
        says(folder.file("absent/x"), "cannot be written: No such file or directory");
        says("/proc/x", "cannot be written: No such file or directory");
        says(folder.file("a_file/x"), "cannot be written: Not a directory");
        says(folder.file(std::string(256, 'x')), "cannot be written: File name too long");
        says(folder.file(""), "must be a regular file, not a directory");
        says("/dev/null", "must be a regular file, not a device");
    }
    CHECK(fs::is_character_file("/dev/null"));
    CHECK(files_in(folder.file("")) == 1);
}

TEST_CASE("no output is an input, by whatever path or link") {
    const Folder folder;
    fs::copy_file(golden_path("dense"), folder.file("x"));
    fs::create_hard_link(folder.file("x"), folder.file("hard"));
    fs::create_symlink("x", folder.file("link"));
    fs::create_symlink(folder.file(""), folder.file("again"));
    const std::string before = read_text(folder.file("x"));
    for (const char* name : {"x", "./x", "hard", "link", "again/x", "again/again/link"}) {
        const std::string output = folder.file(name), rule = ": must be another file than that of --input";
        CHECK(complaint(Words{"run", "--input", folder.file("x"), "--output", output} + of_64_tokens) ==
              "--output = " + output + rule);
        CHECK(complaint(Words{"diagnose", "--input", folder.file("x"), "--json", output} + of_64_tokens) ==
              "--json = " + output + rule);
    }
    CHECK(read_text(folder.file("x")) == before);
    CHECK(files_in(folder.file("")) == 4);
}

TEST_CASE("two results are two files, also where both are links to one that is not there yet") {
    const Folder folder;
    fs::create_symlink("x", folder.file("one"));
    fs::create_symlink("x", folder.file("other"));
    CHECK(complaint(Words{"diagnose", "--input", golden_path("dense").string(), "--json", folder.file("one"),
                          "--heat-map", folder.file("other")} +
                    of_64_tokens) ==
          "--heat-map = " + folder.file("other") + ": must be another file than that of --json");
}

TEST_CASE("no result replaces the file that is printed to") {
    const Folder folder;
    const std::string file = folder.file("x");
    const Words diagnose =
        Words{"diagnose", "--input", golden_path("dense").string(), "--json"} + Words{file} + of_64_tokens;
    CHECK(complaint(diagnose, {"", ">'" + file + "'"}) ==
          "--json = " + file + ": must be another file than that of standard output");
    CHECK(call(diagnose, {"", "2>'" + file + "'"}).status == 2);
    CHECK(read_text(file) == "dra: --json = " + file + ": must be another file than that of standard error\n");
}

TEST_CASE("a link to a result stays a link, and the result keeps its mode") {
    const Folder folder;
    std::ofstream(folder.file("x"));
    REQUIRE(::chmod(folder.file("x").c_str(), 0600) == 0);
    fs::create_symlink("x", folder.file("link"));
    CHECK(run_into(folder.file("link")) == "");
    CHECK(fs::is_symlink(folder.file("link")));
    CHECK(read_safetensors(folder.file("x")).contains("out"));
    CHECK(fs::status(folder.file("x")).permissions() == fs::perms(0600));
    CHECK(files_in(folder.file("")) == 2);
}

TEST_CASE("a disk that is full ends every command with one line, old contents, and nothing left behind" *
          doctest::skip(DRA_HAS_LIBOMP)) { // the limit would also be one of the memory that libomp registers itself in
    const Folder folder;
    const Shell full{"ulimit -f 1;", ""}; // of at most 1024 bytes, beyond which a write fails, as on a full disk
    std::ofstream(folder.file("x")) << "before";
    CHECK(run_into(folder.file("x"), full) ==
          "dra: --output = " + folder.file("x") + ": cannot be written: File too large\n");
    CHECK(complaint(Words{"oracle", "--tokens", "64", "--emit", folder.file("x")} + of_64_tokens, full) ==
          "--emit = " + folder.file("x") + ": cannot be written: File too large");
    const Outcome diagnosed = call(Words{"diagnose", "--input", golden_path("dense").string(), "--json",
                                         folder.file("json"), "--heat-map", folder.file("x")} +
                                       of_64_tokens,
                                   full);
    CHECK(diagnosed.status == 2);
    CHECK(diagnosed.error == "dra: --heat-map = " + folder.file("x") + ": cannot be written: File too large\n");
    CHECK(complaint({"probe", "--emit", folder.file("probes")}, full).ends_with(": cannot be written: File too large"));
    CHECK(read_text(folder.file("x")) == "before");
    CHECK(files_in(folder.file("")) == 1);
}

TEST_CASE("probe writes into no folder of other files of these names, and again into its own") {
    const Folder folder;
    std::ofstream(folder.file("README.md")) << "# Mine\n";
    CHECK(complaint({"probe", "--emit", folder.file("")}).ends_with("README.md of probes"));
    CHECK(read_text(folder.file("README.md")) == "# Mine\n");
    CHECK(files_in(folder.file("")) == 1);
    fs::remove(folder.file("README.md"));
    for (int i = 0; i < 2; ++i) CHECK(call({"probe", "--emit", folder.file("")}).status == 0);
}

TEST_CASE("answers that are not there are not judged") {
    const Folder folder;
    CHECK(complaint({"probe", "--check", folder.file("")})
              .ends_with("must hold an answer, such as weights.answer.safetensors"));
    CHECK(complaint({"probe", "--check", folder.file("absent")}).ends_with("must be a folder"));
}

} // namespace dra::test
