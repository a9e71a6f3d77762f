#pragma once
/// \file
/// Whether the CPU has what the program was compiled for, asked before anything else of the program runs.
///
/// A program that was compiled with -march=native and is carried to an older CPU dies of the first instruction that the
/// CPU does not know, which may stand anywhere, also in what initialises a static object before main(). So the question
/// is put by a constructor of the highest priority, in cpu_check.cpp, which every program of this tree is linked with
/// and which is compiled for any x86-64 CPU. That file must not use inline functions of other headers, std::string for
/// one: the linker keeps one copy of each, and it could be the copy that was compiled for another CPU.

#include <cstddef>

namespace dra::cli {

/// eax, ebx, ecx, edx, as the instruction cpuid leaves them; all 0 where the CPU does not know the leaf.
using CpuId = void (*)(unsigned leaf, unsigned subleaf, unsigned registers[4]);

/// An extension of x86-64 that compilers use of their own accord, and where a CPU tells of it.
struct CpuExtension {
    const char* name; ///< the name that -m takes
    unsigned leaf, subleaf, reg, bit;
    unsigned saved; ///< registers that the operating system must save for it: bits of XCR0
    bool used;      ///< whether this build uses it
};

/// All extensions that are known here.
extern const CpuExtension cpu_extensions[];
extern const std::size_t cpu_extension_count;

/// Whether a CPU with these answers, under a system that saves these registers, has the extension.
bool has(const CpuExtension& extension, CpuId cpuid, unsigned saved);

/// "dra: cpu = NAME: must have ...", a line with the extensions that are used and missing, cut at `size`; its length,
/// or 0 where none is missing.
std::size_t cpu_complaint(const CpuExtension* begin, const CpuExtension* end, CpuId cpuid, unsigned saved, char* line,
                          std::size_t size);

/// What this CPU answers.
void this_cpu(unsigned leaf, unsigned subleaf, unsigned registers[4]);
/// The registers that this operating system saves: XCR0.
unsigned registers_saved_here();

} // namespace dra::cli
