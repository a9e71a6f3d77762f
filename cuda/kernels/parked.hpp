#pragma once
/// \file
/// A value that waits in shared memory while a loop needs every register: stored before it, read again after it.

#include "cuda/kernels/compiler.hpp"
#include "cuda/simt/device.hpp"

#include <cstring>
#include <type_traits>

namespace dra::cuda::DRA_TARGET {

/// Room in shared memory for a V, the same for all threads. Between park() and read() there must be a barrier.
template <class V> class Parked {
    static_assert(std::is_trivially_copyable_v<V> && sizeof(V) % sizeof(std::uint32_t) == 0);
    static constexpr int words = sizeof(V) / sizeof(std::uint32_t);

public:
    static constexpr std::size_t bytes = sizeof(V);
    explicit __device__ __forceinline__ Parked(void* shared) : words_(static_cast<std::uint32_t*>(shared)) {}

    /// Stores the value; by one thread.
    __device__ __forceinline__ void park(const V& value) const {
        std::uint32_t parts[words];
        std::memcpy(parts, &value, sizeof(V));
        DRA_UNROLLED for (int i = 0; i < words; ++i) shared_store(words_ + i, parts[i]);
    }

    /// The value that was parked.
    __device__ __forceinline__ V read() const {
        std::uint32_t parts[words];
        DRA_UNROLLED for (int i = 0; i < words; ++i) parts[i] = shared_load(words_ + i);
        V value;
        std::memcpy(&value, parts, sizeof(V));
        return value;
    }

private:
    std::uint32_t* words_;
};

} // namespace dra::cuda::DRA_TARGET
