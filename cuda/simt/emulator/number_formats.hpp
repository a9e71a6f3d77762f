#pragma once
/// \file
/// bf16 and fp16: how 16 bits become a float, and how a float is rounded to them (to nearest even).
///
/// Both directions are branch-free, so that loops over them vectorise. Every bf16 and fp16 is exact in float, and so is
/// every product of two fp16, and of two bf16 unless it leaves float's range.

#include <bit>
#include <cmath>
#include <cstdint>

namespace dra::simt {

/// Sign, 8 exponent bits, 7 fraction bits: the upper half of a float.
struct __nv_bfloat16 {
    std::uint16_t bits;
};

/// Sign, 5 exponent bits, 10 fraction bits.
struct __half {
    std::uint16_t bits;
};

using bf16 = __nv_bfloat16;
using fp16 = __half;

inline float __bfloat162float(bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

inline bf16 __float2bfloat16(float x) {
    const auto u = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t rounded = (u + 0x7FFF + (u >> 16 & 1)) >> 16;
    const std::uint32_t quiet = u >> 16 | 0x40; // a NaN must not be rounded to infinity
    return {static_cast<std::uint16_t>((u & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded)};
}

inline float __half2float(fp16 x) {
    const std::uint32_t sign = (x.bits & 0x8000u) << 16, magnitude = (x.bits & 0x7FFFu) << 13;
    const float finite = std::bit_cast<float>(magnitude) * 0x1p112f; // 2^(127 - 15); right for denormals too
    const std::uint32_t special = magnitude | 0x7F800000;            // infinity and NaN
    return std::bit_cast<float>(sign | ((x.bits & 0x7C00) == 0x7C00 ? special : std::bit_cast<std::uint32_t>(finite)));
}

inline fp16 __float2half(float x) {
    const auto u = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t sign = u >> 16 & 0x8000, magnitude = u & 0x7FFFFFFF;
    // Adding a power of two whose last place is fp16's makes the float adder round; below 2^-14 that place is fixed.
    const std::uint32_t exponent = magnitude >> 23 < 113 ? 113 : magnitude >> 23;
    const float anchor = std::bit_cast<float>((exponent + 13) << 23);
    const float rounded = (std::bit_cast<float>(magnitude) + anchor) - anchor;
    const std::uint32_t normal = (std::bit_cast<std::uint32_t>(rounded) - (112u << 23)) >> 13;
    const auto denormal = static_cast<std::uint32_t>(rounded * 0x1p24f);
    std::uint32_t bits = rounded < 0x1p-14f ? denormal : normal;
    bits = magnitude >= 0x477FF000 ? 0x7C00 : bits; // 65520 and beyond round to infinity
    bits = magnitude > 0x7F800000 ? 0x7FFF : bits;  // NaN, as the GPU spells it
    return {static_cast<std::uint16_t>(sign | bits)};
}

/// The conversions by type, for code that is a template on it.
inline float widen(bf16 x) { return __bfloat162float(x); }
inline float widen(fp16 x) { return __half2float(x); }
template <class T> T narrow(float x) = delete;
template <> inline bf16 narrow<bf16>(float x) { return __float2bfloat16(x); }
template <> inline fp16 narrow<fp16>(float x) { return __float2half(x); }

} // namespace dra::simt
