// The question whether the CPU has what a program was built for, put to CPUs that this one is not.
#include "cli/cpu_check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <vector>

namespace dra::cli {
namespace {

constexpr unsigned all_saved = ~0u, no_registers = 0, ymm = 0x06;

void every_bit(unsigned, unsigned, unsigned registers[4]) { std::fill_n(registers, 4, ~0u); }
void no_bit(unsigned, unsigned, unsigned registers[4]) { std::fill_n(registers, 4, 0u); }

/// A CPU with SSE3 and AVX and nothing else, named as some are: with spaces in front.
void with_avx(unsigned leaf, unsigned subleaf, unsigned registers[4]) {
    no_bit(leaf, subleaf, registers);
    if (leaf == 1) registers[2] = 1u << 0 | 1u << 28;
    if (leaf == 0x80000002) {
        registers[0] = 0x20202020;
        registers[1] = 0x20555043; // "CPU "
        registers[2] = 0x31;       // "1"
    }
}

/// SSE3, AVX and AVX2, as a build may use them.
std::array<CpuExtension, 3> a_build(bool uses_avx2) {
    return {{{"sse3", 1, 0, 2, 0, 0, true}, {"avx", 1, 0, 2, 28, ymm, true}, {"avx2", 7, 0, 1, 5, ymm, uses_avx2}}};
}

template <class Extensions>
std::string complaint(const Extensions& extensions, CpuId cpuid, unsigned saved, std::size_t size = 1000) {
    std::string line(size, '\0');
    line.resize(cpu_complaint(std::data(extensions), std::data(extensions) + std::size(extensions), cpuid, saved,
                              line.data(), size));
    return line;
}

const std::string rule = ", which this program was built for; build it here, or with -DDRA_NATIVE=OFF\n";

/// The table of this build.
std::vector<CpuExtension> known() { return {cpu_extensions, cpu_extensions + cpu_extension_count}; }

} // namespace

TEST_CASE("a CPU that lacks what the build uses is refused, in one line that names both") {
    CHECK(complaint(a_build(true), with_avx, all_saved) == "dra: cpu = CPU 1: must have avx2" + rule);
    CHECK(complaint(a_build(true), no_bit, all_saved) == "dra: cpu = : must have sse3, avx, avx2" + rule);
}

TEST_CASE("what the build does not use may be missing") {
    CHECK(complaint(a_build(false), with_avx, all_saved) == "");
    CHECK(complaint(a_build(true), every_bit, all_saved) == "");
}

TEST_CASE("an extension whose registers the operating system does not save counts as missing") {
    CHECK(complaint(a_build(false), with_avx, no_registers) == "dra: cpu = CPU 1: must have avx" + rule);
    CHECK(complaint(a_build(false), with_avx, ymm) == "");
}

TEST_CASE("a line that is too long is cut, and ends all the same") {
    CHECK(complaint(a_build(true), with_avx, all_saved, 24) == "dra: cpu = CPU 1: must \n");
}

TEST_CASE("this build asks for what its compiler uses, and for all of it at once") {
    std::string names;
    for (const CpuExtension& extension : known())
        if (extension.used) names += (names.empty() ? "" : ", ") + std::string(extension.name);
    CHECK(complaint(known(), no_bit, all_saved) == (names.empty() ? "" : "dra: cpu = : must have " + names + rule));
    const auto used = [&](const std::string& name) {
        const auto extensions = known();
        const auto found = std::ranges::find(extensions, name, &CpuExtension::name);
        REQUIRE(found != extensions.end());
        return found->used;
    };
#ifdef __AVX2__
    CHECK(used("avx2"));
#else
    CHECK_FALSE(used("avx2"));
#endif
#ifdef __AVX512F__
    CHECK(used("avx512f"));
#else
    CHECK_FALSE(used("avx512f"));
#endif
}

TEST_CASE("what cpuid says of this CPU is what the compiler's runtime says") {
    __builtin_cpu_init();
    const auto same = [](const std::string& name, bool expected) {
        const auto extensions = known();
        const auto found = std::ranges::find(extensions, name, &CpuExtension::name);
        REQUIRE(found != extensions.end());
        CAPTURE(name);
        CHECK(has(*found, this_cpu, registers_saved_here()) == expected);
    };
#define SAME(name) same(name, __builtin_cpu_supports(name) != 0)
    SAME("sse3");
    SAME("ssse3");
    SAME("sse4.1");
    SAME("sse4.2");
    SAME("popcnt");
    SAME("avx");
    SAME("fma");
    SAME("sse4a");
    SAME("xop");
    SAME("fma4");
    SAME("bmi");
    SAME("avx2");
    SAME("bmi2");
    SAME("avx512f");
    SAME("avx512dq");
    SAME("avx512ifma");
    SAME("avx512cd");
    SAME("avx512bw");
    SAME("avx512vl");
    SAME("avx512vbmi");
    SAME("avx512vbmi2");
    SAME("gfni");
    SAME("avx512vnni");
    SAME("avx512bitalg");
    SAME("avx512vpopcntdq");
    SAME("avx512bf16");
#undef SAME
}

} // namespace dra::cli
