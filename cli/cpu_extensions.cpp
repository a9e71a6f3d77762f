// The extensions of x86-64, and which of them this build uses: this file is compiled with the flags of all others. It
// holds constants alone, so that nothing of it runs.
#include "cli/cpu_check.hpp"

#if defined(__x86_64__)

// A macro that the compiler defines, as 1, where it uses an extension; otherwise its name is what is left of it.
#define DRA_TEXT(x) #x
#define DRA_USED(macro) (DRA_TEXT(macro)[0] == '1')

namespace dra::cli {
namespace {

constexpr unsigned eax = 0, ebx = 1, ecx = 2, edx = 3;
constexpr unsigned ymm = 0x06, zmm = 0xe6; // what the operating system saves of them

} // namespace

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID; AMD64 Architecture Programmer's
// Manual, volume 3, appendix E.
constinit const CpuExtension cpu_extensions[] = {
    {"sse3", 1, 0, ecx, 0, 0, DRA_USED(__SSE3__)},
    {"ssse3", 1, 0, ecx, 9, 0, DRA_USED(__SSSE3__)},
    {"sse4.1", 1, 0, ecx, 19, 0, DRA_USED(__SSE4_1__)},
    {"sse4.2", 1, 0, ecx, 20, 0, DRA_USED(__SSE4_2__)},
    {"movbe", 1, 0, ecx, 22, 0, DRA_USED(__MOVBE__)},
    {"popcnt", 1, 0, ecx, 23, 0, DRA_USED(__POPCNT__)},
    {"avx", 1, 0, ecx, 28, ymm, DRA_USED(__AVX__)},
    {"f16c", 1, 0, ecx, 29, ymm, DRA_USED(__F16C__)},
    {"fma", 1, 0, ecx, 12, ymm, DRA_USED(__FMA__)},
    {"lzcnt", 0x80000001, 0, ecx, 5, 0, DRA_USED(__LZCNT__)},
    {"sse4a", 0x80000001, 0, ecx, 6, 0, DRA_USED(__SSE4A__)},
    {"xop", 0x80000001, 0, ecx, 11, ymm, DRA_USED(__XOP__)},
    {"fma4", 0x80000001, 0, ecx, 16, ymm, DRA_USED(__FMA4__)},
    {"tbm", 0x80000001, 0, ecx, 21, 0, DRA_USED(__TBM__)},
    {"bmi", 7, 0, ebx, 3, 0, DRA_USED(__BMI__)},
    {"avx2", 7, 0, ebx, 5, ymm, DRA_USED(__AVX2__)},
    {"bmi2", 7, 0, ebx, 8, 0, DRA_USED(__BMI2__)},
    {"avx512f", 7, 0, ebx, 16, zmm, DRA_USED(__AVX512F__)},
    {"avx512dq", 7, 0, ebx, 17, zmm, DRA_USED(__AVX512DQ__)},
    {"avx512ifma", 7, 0, ebx, 21, zmm, DRA_USED(__AVX512IFMA__)},
    {"avx512cd", 7, 0, ebx, 28, zmm, DRA_USED(__AVX512CD__)},
    {"avx512bw", 7, 0, ebx, 30, zmm, DRA_USED(__AVX512BW__)},
    {"avx512vl", 7, 0, ebx, 31, zmm, DRA_USED(__AVX512VL__)},
    {"avx512vbmi", 7, 0, ecx, 1, zmm, DRA_USED(__AVX512VBMI__)},
    {"avx512vbmi2", 7, 0, ecx, 6, zmm, DRA_USED(__AVX512VBMI2__)},
    {"gfni", 7, 0, ecx, 8, 0, DRA_USED(__GFNI__)},
    {"avx512vnni", 7, 0, ecx, 11, zmm, DRA_USED(__AVX512VNNI__)},
    {"avx512bitalg", 7, 0, ecx, 12, zmm, DRA_USED(__AVX512BITALG__)},
    {"avx512vpopcntdq", 7, 0, ecx, 14, zmm, DRA_USED(__AVX512VPOPCNTDQ__)},
    {"avx512fp16", 7, 0, edx, 23, zmm, DRA_USED(__AVX512FP16__)},
    {"avxvnni", 7, 1, eax, 4, ymm, DRA_USED(__AVXVNNI__)},
    {"avx512bf16", 7, 1, eax, 5, zmm, DRA_USED(__AVX512BF16__)},
    {"avxifma", 7, 1, eax, 23, ymm, DRA_USED(__AVXIFMA__)},
    {"avxvnniint8", 7, 1, edx, 4, ymm, DRA_USED(__AVXVNNIINT8__)},
    {"avxneconvert", 7, 1, edx, 5, ymm, DRA_USED(__AVXNECONVERT__)},
    {"avxvnniint16", 7, 1, edx, 10, ymm, DRA_USED(__AVXVNNIINT16__)},
    {"apxf", 7, 1, edx, 21, 1u << 19, DRA_USED(__APX_F__)},
};
constinit const std::size_t cpu_extension_count = sizeof cpu_extensions / sizeof *cpu_extensions;

} // namespace dra::cli

#endif
