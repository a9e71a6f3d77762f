#pragma once
/// \file
/// How wgmma is told where a matrix lies in shared memory: 64 bits, the same on both targets.
///
///     bits 0..13   address / 16
///     bits 16..29  leading byte offset / 16
///     bits 32..45  stride byte offset / 16
///     bits 62..63  1: rows of 128 bytes, whose 16-byte chunks are swizzled (chunk c of row i lies at c ^ (i % 8))
///
/// The unit is the atom of 8 rows x 128 bytes, 1024 bytes, on a 1024-byte boundary. K-major (rows hold k): the stride
/// leads from 8 rows to the next 8; the leading offset is not looked at; the next 16 k are 32 bytes further. MN-major
/// (rows hold m or n): the stride leads from 8 k to the next 8, the leading offset from 64 columns to the next 64; the
/// next 16 k are two strides further.

#include "cuda/simt/device.hpp"

#include <cstdint>

namespace dra::cuda::DRA_TARGET::ptx {

/// The descriptor of the matrix that begins at `shared`.
__device__ __forceinline__ std::uint64_t matrix_descriptor(const void* shared, unsigned leading_bytes,
                                                           unsigned stride_bytes) {
    constexpr std::uint64_t swizzle_128 = 1ull << 62;
    return (shared_address(shared) & 0x3FFFF) >> 4 | static_cast<std::uint64_t>(leading_bytes >> 4) << 16 |
           static_cast<std::uint64_t>(stride_bytes >> 4) << 32 | swizzle_128;
}

} // namespace dra::cuda::DRA_TARGET::ptx
