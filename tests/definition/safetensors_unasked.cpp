// What a file holds beside the tensors that are asked for: of it the header is judged, and nothing else happens.
#include "tests/definition/safetensors_bytes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>

namespace dra {
namespace {

using namespace test;

/// q, four bytes of 1.0f, after `bytes` bytes of another tensor `x` of this type and shape.
std::string header_beside(const std::string& dtype, const std::string& shape, std::uint64_t bytes) {
    const std::string end = std::to_string(bytes);
    return "{\"x\":" + entry(dtype, shape, "[0," + end + "]") +
           ",\"q\":" + entry("F32", "[1]", "[" + end + "," + std::to_string(bytes + 4) + "]") + "}";
}

const std::string one("\x00\x00\x80\x3f", 4);

/// Processor time, which others that run beside do not lengthen as they do the time of day.
double seconds_of_this_thread() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds that it takes to read one tensor of a file with this many, the shortest of five.
double seconds_to_read(Index tensors) {
    const Folder folder;
    std::string header = "{";
    for (Index i = 0; i < tensors; ++i) {
        const std::string begin = std::to_string(4 * i), end = std::to_string(4 * i + 4);
        header += std::string(i ? ",\"" : "\"") + std::to_string(i) +
                  "\":" + entry("F32", "[1]", '[' + begin + ',' + end + ']');
    }
    write_bytes(folder.file(), with_header(header + "}", std::string(static_cast<std::size_t>(4 * tensors), 'x')));
    double shortest = 1e9;
    for (int repetition = 0; repetition < 5; ++repetition) {
        const double begin = seconds_of_this_thread();
        REQUIRE(read_safetensors(folder.file(), {"7"}).tensors.size() == 1);
        shortest = std::min(shortest, seconds_of_this_thread() - begin);
    }
    return shortest;
}

} // namespace

TEST_CASE("a tensor that nobody asks for may have any type of the format and any rank") {
    const Folder folder;
    const std::pair<const char*, std::size_t> types[] = {
        {"BOOL", 24}, {"F4", 12},      {"F6_E2M3", 18},     {"F6_E3M2", 18},     {"U8", 24},  {"I8", 24},
        {"I16", 48},  {"F8_E5M2", 24}, {"F8_E4M3", 24},     {"F8_E8M0", 24},     {"U16", 48}, {"F16", 48},
        {"BF16", 48}, {"I32", 96},     {"F8_E4M3FNUZ", 24}, {"F8_E5M2FNUZ", 24}, {"U32", 96}, {"F32", 96},
        {"C64", 192}, {"F64", 192},    {"I64", 192},        {"U64", 192}};
    for (const auto& type : types) {
        const std::string dtype = type.first;
        const auto bytes = type.second;
        CAPTURE(dtype);
        write_bytes(folder.file(),
                    with_header(header_beside(dtype, "[2,3,1,1,4]", bytes), std::string(bytes, 'x') + one));
        const TensorFile file = read_safetensors(folder.file(), {"q", "absent"});
        CHECK(file.tensors.size() == 1);
        CHECK(std::get<Eigen::ArrayXf>(file.at("q").elements)[0] == 1);
    }
}

TEST_CASE("a tensor that nobody asks for is not loaded: it may be larger than any memory") {
    const Folder folder;
    constexpr std::uint64_t bytes = std::uint64_t{1} << 40; // a hole of the file, which occupies nothing
    const std::string begin = with_header(header_beside("F32", '[' + std::to_string(bytes / 4) + ']', bytes));
    write_bytes(folder.file(), begin);
    fs::resize_file(folder.file(), begin.size() + bytes);
    std::ofstream(folder.file(), std::ios::binary | std::ios::app) << one;
    const TensorFile file = read_safetensors(folder.file(), {"q"});
    CHECK(std::get<Eigen::ArrayXf>(file.at("q").elements)[0] == 1);
    CHECK_FALSE(file.contains("x"));
}

TEST_CASE("what the format demands is demanded of tensors that nobody asks for") {
    const Folder folder;
    const auto complaint = [&](const std::string& header) -> std::string {
        write_bytes(folder.file(), with_header(header, "12345678" + one));
        try {
            read_safetensors(folder.file(), {"q"});
        } catch (const FormatError& error) {
            return error.what();
        }
        return "accepted";
    };
    CHECK(complaint(header_beside("I64", "[1]", 8)) == "accepted");
    CHECK(complaint(header_beside("I65", "[1]", 8)).find(": x.dtype = I65: must be one of ") != std::string::npos);
    CHECK(complaint(header_beside("I64", "[2]", 8)).ends_with(": x.data_offsets = [0,8]: must span 16 bytes"));
    CHECK(complaint(header_beside("I64", "[-1]", 8)).ends_with(": x.shape = -1: must be integers from 0 to 2^64 - 1"));
}

// Ten times are expected, and caches add to that; with a callback, json::parse() takes 180 times as long.
TEST_CASE("reading is linear in the header: ten times the tensors take at most 50 times as long") {
    const double few = seconds_to_read(2000), many = seconds_to_read(20'000);
    MESSAGE("2,000 tensors: " << few << " s, 20,000 tensors: " << many << " s, ratio " << many / few);
    CHECK(many <= 50 * few);
}

} // namespace dra
