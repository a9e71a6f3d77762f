#include "tests/cli/program.hpp"
#include "tests/golden.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <future>

namespace dra::test {
namespace {

/// A result that is wrong, so that every defect is held against it.
const std::vector<std::string> diagnosis = {"diagnose",    "--input", golden_path("dense").string(), "--segments", "16",
                                            "--dilations", "1"};

/// A pseudo-terminal, and what programs write to it.
class Terminal {
public:
    Terminal() {
        REQUIRE(::grantpt(screen_) == 0);
        REQUIRE(::unlockpt(screen_) == 0);
        path_ = ::ptsname(screen_);
        line_ = ::open(path_.c_str(), O_RDWR | O_NOCTTY); // held, so that reading ends with close() and not before
        REQUIRE(line_ >= 0);
        written_ = std::async(std::launch::async, [screen = screen_] {
            std::string text;
            std::array<char, 256> part;
            for (ssize_t size = 0; (size = ::read(screen, part.data(), part.size())) > 0;)
                text.append(part.data(), static_cast<std::size_t>(size));
            return text;
        });
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal() { ::close(screen_); }

    const std::string& path() const { return path_; }

    /// All that was written; once.
    std::string close() {
        ::close(line_);
        return written_.get();
    }

private:
    int screen_ = ::posix_openpt(O_RDWR | O_NOCTTY), line_ = -1;
    std::string path_;
    std::future<std::string> written_;
};

} // namespace

TEST_CASE("a terminal is told what runs, how far it is and what is left, and has an empty line at the end") {
    Terminal terminal;
    CHECK(call(diagnosis, {"", "2>'" + terminal.path() + "'"}).status == 1);
    const std::string told = terminal.close();
    MESSAGE(told.size(), " bytes");
    for (const char* part : {"the oracle", "the forms of defects: 0 of ", "the forms of defects: 9 of ", " s left"}) {
        CAPTURE(part);
        CHECK(told.find(part) != std::string::npos);
    }
    CHECK(told.ends_with("\r\033[K"));
    CHECK(told.find('\n') == std::string::npos);
}

TEST_CASE("a pipe and a file are told nothing of progress") {
    const Folder folder;
    const std::string pipe = folder.file("pipe"), piped = folder.file("piped"),
                      before = fmt::format("mkfifo '{0}'; cat '{0}' >'{1}' &", pipe, piped),
                      after = fmt::format("2>'{}'; s=$?; wait; exit $s", pipe);
    CHECK(call(diagnosis, {before, after}).status == 1);
    CHECK(read_text(piped) == "");
    CHECK(call(diagnosis).error == "");
}

} // namespace dra::test
