#pragma once
/// \file
/// PTX of a warp, up to sm_80 (and stmatrix): exp2, packing, cp.async, ldmatrix, mma.
///
/// Fragments, with g = lane / 4, c = 2 (lane % 4), h the low or high half of a register:
///
///     ldmatrix      r[i]   row g, columns c + h of 8x8 matrix i (transposed: rows c + h, column g)
///     A (16, 16)    a[i]   row g + 8 (i & 1), columns c + h + 8 (i >> 1)
///     B (16, 8)     b_i    rows c + h + 8 i, column g
///     D (16, 8)     d[i]   row g + 8 (i >> 1), column c + (i & 1)

#include "cuda/simt/emulator/number_formats.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace dra::simt {

namespace machine {
/// What 16 bits of a matrix mean.
enum class Format { bf16, fp16 };
template <class T> constexpr Format format_of = std::is_same_v<T, simt::bf16> ? Format::bf16 : Format::fp16;

void copy_async_wait(int groups, Site site);
void load_matrix(std::uint32_t (&r)[4], const void* row, bool transposed, Site site);
void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], Format format, Site site);
} // namespace machine

namespace ptx {

/// An address within the block's shared memory, as instructions want it. Not zero for the first byte, as on the GPU.
std::uint32_t shared_address(const void* shared);

/// 2^x, denormals as zero.
inline float exp2_approximate(float x) {
    constexpr float smallest = std::numeric_limits<float>::min();
    const float y = std::exp2(std::abs(x) < smallest ? 0.f : x);
    return y < smallest ? 0.f : y;
}

/// x y - z, rounded once.
inline float product_less(float x, float y, float z) { return std::fma(x, y, -z); }

inline float reciprocal_approximate(float x) { return 1 / x; }

template <class T> std::uint32_t pack(float low, float high) {
    return narrow<T>(low).bits | static_cast<std::uint32_t>(narrow<T>(high).bits) << 16;
}

/// Not 0 once an x had a half that is infinite or not a number.
template <class T> std::uint32_t probe(std::uint32_t found, std::uint32_t x) {
    constexpr std::uint32_t exponent = std::is_same_v<T, simt::bf16> ? 0x7F80 : 0x7C00;
    const auto beyond = [&](std::uint32_t half) { return (half & exponent) == exponent; };
    return found | (beyond(x) || beyond(x >> 16) ? 0x7FFF7FFF : 0);
}

/// The destination is NaN from here on, and the bytes arrive at the wait: the worst that the hardware may do.
void copy_async_16(void* shared, const void* global, int bytes, Site site = Site::here());
void copy_async_commit(Site site = Site::here());
template <int N> void copy_async_wait(Site site = Site::here()) { machine::copy_async_wait(N, site); }

inline void load_matrix_x4(std::uint32_t (&r)[4], const void* row, Site site = Site::here()) {
    machine::load_matrix(r, row, false, site);
}
inline void load_matrix_x4_transposed(std::uint32_t (&r)[4], const void* row, Site site = Site::here()) {
    machine::load_matrix(r, row, true, site);
}
void store_matrix_x4(void* row, const std::uint32_t (&r)[4], Site site = Site::here());

template <class T> void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1,
                                     Site site = Site::here()) {
    machine::mma(d, a, {b0, b1}, machine::format_of<T>, site);
}

} // namespace ptx
} // namespace dra::simt
