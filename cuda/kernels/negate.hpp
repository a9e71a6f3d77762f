#pragma once
/// \file
/// How a negative scale is taken into Q: the sign of every element of a tile in shared memory changes, which is exact.

#include "cuda/simt/device.hpp"

namespace dra::cuda::DRA_TARGET {

/// Changes the signs by THREADS threads, 16 bytes at a time. The caller orders it among other accesses.
template <int ELEMENTS, int THREADS, class T>
__device__ __forceinline__ void negate(T* tile, int thread = static_cast<int>(threadIdx.x)) {
    static_assert(sizeof(T) == 2 && ELEMENTS % 8 == 0);
    constexpr std::uint32_t signs = 0x80008000;
    for (int i = thread; i < ELEMENTS / 8; i += THREADS) {
        uint4* eight = reinterpret_cast<uint4*>(tile) + i;
        const uint4 x = shared_load(eight);
        shared_store(eight, make_uint4(x.x ^ signs, x.y ^ signs, x.z ^ signs, x.w ^ signs));
    }
}

} // namespace dra::cuda::DRA_TARGET
