#include "reference/definition/output_file.hpp"
#include "tests/folder.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <vector>

namespace dra {
namespace {

namespace fs = std::filesystem;
using test::Folder;

std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

void write_whole(const fs::path& path, const std::string& text) {
    OutputFile file(path);
    file.write(text);
    put_in_place(std::move(file));
}

std::ptrdiff_t files_in(const fs::path& folder) { return std::distance(fs::directory_iterator(folder), {}); }

mode_t mode_of(const fs::path& path) { return static_cast<mode_t>(fs::status(path).permissions()); }

/// What is said of a path that cannot be written.
std::string refusal(const fs::path& path) {
    try {
        check_writable(path, "--json");
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

/// No file may grow beyond so many bytes, and SIGXFSZ is not sent for trying.
class SizeLimit {
public:
    explicit SizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit lowered{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &lowered);
    }
    ~SizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    SizeLimit(const SizeLimit&) = delete;
    SizeLimit& operator=(const SizeLimit&) = delete;

private:
    rlimit before_{};
    void (*handler_)(int);
};

} // namespace

TEST_CASE("a file stays as it was until another is put in its place whole, and nothing stays beside it") {
    const Folder folder;
    write(folder.file("x"), "before");
    {
        OutputFile given_up(folder.file("x"));
        given_up.write("half");
        CHECK(files_in(folder.file("")) == 2);
        CHECK(read(folder.file("x")) == "before");
    }
    CHECK(files_in(folder.file("")) == 1);
    CHECK(read(folder.file("x")) == "before");
    write_whole(folder.file("x"), "after");
    CHECK(files_in(folder.file("")) == 1);
    CHECK(read(folder.file("x")) == "after");
}

TEST_CASE("a file that is replaced keeps its mode, and a new one gets what the umask leaves") {
    const Folder folder;
    const mode_t usual = ::umask(027);
    for (const mode_t mode : {0600u, 0644u, 0666u, 0755u}) {
        write(folder.file("x"), "");
        REQUIRE(::chmod(folder.file("x").c_str(), mode) == 0);
        write_whole(folder.file("x"), "x");
        CHECK(mode_of(folder.file("x")) == mode);
    }
    write_whole(folder.file("y"), "y");
    ::umask(usual);
    CHECK(mode_of(folder.file("y")) == 0640);
}

TEST_CASE("a link stays a link, and the file that it leads to is written, there or not") {
    const Folder folder, other;
    fs::create_directory(folder.file("below"));
    fs::create_symlink("below/x", folder.file("relative"));
    fs::create_symlink("relative", folder.file("twice"));
    fs::create_symlink(other.file("x"), folder.file("below/absolute"));
    for (const std::string text : {"not there yet", "there"}) {
        write_whole(folder.file("twice"), text);
        CHECK(read(folder.file("below/x")) == text);
        write_whole(folder.file("below/absolute"), text);
        CHECK(read(other.file("x")) == text);
    }
    for (const char* link : {"relative", "twice", "below/absolute"}) CHECK(fs::is_symlink(folder.file(link)));
    CHECK(followed(folder.file("twice")) == folder.file("below/x"));
    CHECK(files_in(folder.file("")) == 3);
    CHECK(files_in(folder.file("below")) == 2);
    CHECK(files_in(other.file("")) == 1);
}

TEST_CASE("another hard link of a file keeps what it held") {
    const Folder folder;
    write(folder.file("x"), "before");
    fs::create_hard_link(folder.file("x"), folder.file("y"));
    write_whole(folder.file("x"), "after");
    CHECK(read(folder.file("y")) == "before");
}

TEST_CASE("names may be as long as names can be") {
    const Folder folder;
    const std::string longest = folder.file(std::string(255, 'x'));
    write_whole(longest, "x");
    CHECK(read(longest) == "x");
    CHECK(refusal(folder.file(std::string(256, 'x'))).ends_with(": cannot be written: File name too long"));
}

TEST_CASE("what cannot be written is refused with the reason, and stays") {
    const Folder folder;
    write(folder.file("a_file"), "");
    fs::create_symlink("/dev/null", folder.file("a_device")); // if it is replaced after all, then not the machine's own
    fs::create_symlink("a_loop", folder.file("a_loop"));
    REQUIRE(::mkfifo(folder.file("a_pipe").c_str(), 0600) == 0);
    const auto says = [&](const fs::path& path, const std::string& rule) {
        CHECK(refusal(path) == "--json = " + path.string() + ": " + rule);
    };
    says(folder.file("absent/x"), "cannot be written: No such file or directory");
    says("/proc/x", "cannot be written: No such file or directory"); // root, too, has to try
    says(folder.file("a_file/x"), "cannot be written: Not a directory");
    says(folder.file("a_loop"), "cannot be written: Too many levels of symbolic links");
    says(folder.file("a_device"), "must be a regular file, not a device");
    says(folder.file("a_pipe"), "must be a regular file, not a pipe");
    says(folder.file(""), "must be a regular file, not a directory");
    says(folder.file("absent/"), "must name a file");
    says("", "must name a file");
    CHECK(files_in(folder.file("")) == 4);
    CHECK(fs::is_character_file(folder.file("a_device")));
    CHECK(fs::is_fifo(folder.file("a_pipe")));
}

TEST_CASE("a file that must not be written is not replaced, though its folder would let it") {
    if (::geteuid() == 0) return; // who may write everything
    const Folder folder;
    write(folder.file("x"), "before");
    REQUIRE(::chmod(folder.file("x").c_str(), 0400) == 0);
    CHECK(refusal(folder.file("x")).ends_with(": cannot be written: Permission denied"));
    REQUIRE(::chmod(folder.file("").c_str(), 0500) == 0);
    CHECK(refusal(folder.file("y")).ends_with(": cannot be written: Permission denied"));
    REQUIRE(::chmod(folder.file("").c_str(), 0700) == 0);
    CHECK(read(folder.file("x")) == "before");
}

TEST_CASE("to ask whether a file can be written changes nothing") {
    const Folder folder;
    CHECK(refusal(folder.file("x")) == "");
    CHECK(folder.empty());
}

TEST_CASE("a file that the disk does not take is refused with the reason, and none of those written with it changes") {
    const Folder folder;
    write(folder.file("x"), "before");
    std::string said;
    {
        const SizeLimit limit(4096);
        std::vector<OutputFile> files;
        files.emplace_back(folder.file("x")).write("after");
        try {
            files.emplace_back(folder.file("y")).write(std::string(5000, 'y'));
            put_in_place(files);
        } catch (const FormatError& error) {
            said = error.what();
        }
    }
    CHECK(said == "output = " + folder.file("y") + ": cannot be written: File too large");
    CHECK(read(folder.file("x")) == "before");
    CHECK(files_in(folder.file("")) == 1);
}

TEST_CASE("a handler of signals can remove what is half-written, and then nothing takes the file's place") {
    const Folder folder;
    write(folder.file("x"), "before");
    std::vector<OutputFile> files;
    for (const char* name : {"x", "y", "z"}) files.emplace_back(folder.file(name)).write("after");
    CHECK(files_in(folder.file("")) == 4);
    remove_unfinished_files();
    CHECK(files_in(folder.file("")) == 1);
    CHECK_THROWS_AS(put_in_place(files), FormatError);
    CHECK(read(folder.file("x")) == "before");
    files.clear();
    write_whole(folder.file("x"), "after"); // and a later one is a file as any
    CHECK(read(folder.file("x")) == "after");
}

} // namespace dra
