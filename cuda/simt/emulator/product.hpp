#pragma once
/// \file
/// The arithmetic of the tensor core, as plain loops: 16-bit factors, products exact in float, float sums in the order
/// of k. (The hardware's order of summation is not specified, and differs.)

#include "cuda/simt/emulator/ptx_matrix.hpp"

#include <cstdint>

namespace dra::simt::machine {

constexpr int depth = 16; ///< k of every instruction

/// d (rows, columns) += a (rows, 16) b (16, columns), all dense; rows a multiple of 4, columns of 8.
void multiply_add(float* d, const float* a, const float* b, int rows, int columns);

/// Widens `count` numbers of 16 bits to floats; count is a multiple of 8.
void widen(float* to, const std::uint16_t* from, int count, Format format);

/// mma.m16n8k16 on a warp's registers, [register][lane].
void multiply_fragments(float (&d)[4][32], const std::uint32_t (&a)[4][32], const std::uint32_t (&b)[2][32],
                        Format format);

} // namespace dra::simt::machine
