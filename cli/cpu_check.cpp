#include "cli/cpu_check.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <unistd.h>

namespace dra::cli {
namespace {

/// Appends to a buffer as long as there is room.
struct Line {
    char* to;
    std::size_t size, length = 0;

    void add(char character) {
        if (length < size) to[length++] = character;
    }
    void add(const char* text) {
        for (; *text; ++text) add(*text);
    }
};

/// The name of the CPU: 48 characters of three leaves, filled up with zeros or, in front, spaces.
void add_name(Line& line, CpuId cpuid) {
    for (unsigned leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
        unsigned registers[4];
        cpuid(leaf, 0, registers);
        for (const unsigned four : registers)
            for (unsigned shift = 0; shift < 32; shift += 8) {
                const char character = static_cast<char>(four >> shift & 0xff);
                const bool leading = character == ' ' && line.to[line.length - 1] == ' ';
                if (character >= ' ' && !leading) line.add(character);
            }
    }
}

[[gnu::constructor(101)]] void check_cpu() { // below 101 is the compiler's own
    char line[1000];
    const std::size_t length = cpu_complaint(cpu_extensions, cpu_extensions + cpu_extension_count, this_cpu,
                                             registers_saved_here(), line, sizeof line);
    if (length == 0) return;
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line, length);
    ::_exit(2);
}

} // namespace

bool has(const CpuExtension& extension, CpuId cpuid, unsigned saved) {
    unsigned registers[4];
    cpuid(extension.leaf, extension.subleaf, registers);
    return (registers[extension.reg] >> extension.bit & 1) != 0 && (extension.saved & ~saved) == 0;
}

std::size_t cpu_complaint(const CpuExtension* begin, const CpuExtension* end, CpuId cpuid, unsigned saved, char* line,
                          std::size_t size) {
    Line text{line, size - 1};
    text.add("dra: cpu = ");
    add_name(text, cpuid);
    const char* separator = ": must have ";
    bool missing = false;
    for (const CpuExtension* extension = begin; extension != end; ++extension) {
        if (!extension->used || has(*extension, cpuid, saved)) continue;
        text.add(separator);
        text.add(extension->name);
        separator = ", ";
        missing = true;
    }
    if (!missing) return 0;
    text.add(", which this program was built for; build it here, or with -DDRA_NATIVE=OFF");
    line[text.length] = '\n';
    return text.length + 1;
}

void this_cpu(unsigned leaf, unsigned subleaf, unsigned registers[4]) {
    for (int i = 0; i < 4; ++i) registers[i] = 0;
    __get_cpuid_count(leaf, subleaf, &registers[0], &registers[1], &registers[2], &registers[3]);
}

unsigned registers_saved_here() {
    unsigned registers[4];
    this_cpu(1, 0, registers);
    if ((registers[2] >> 27 & 1) == 0) return 0; // xgetbv is not for programs
    unsigned low = 0, high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

} // namespace dra::cli

#endif
