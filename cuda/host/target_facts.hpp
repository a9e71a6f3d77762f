#pragma once
/// \file
/// The little that the host code of the two targets does not share.

#include "cuda/simt/runtime.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#ifdef __CUDACC__

/// The function of cuda/device/device.hpp that opens this target's device.
#define DRA_OPEN_DEVICE silicon_device

namespace dra::cuda::silicon {
inline constexpr bool is_emulated = false;
inline std::vector<std::pair<std::string, std::uint64_t>> counted() { return {}; }
} // namespace dra::cuda::silicon

#else

#define DRA_OPEN_DEVICE emulated_device

namespace dra::cuda::emulated {
inline constexpr bool is_emulated = true;
inline std::vector<std::pair<std::string, std::uint64_t>> counted() {
    std::vector<std::pair<std::string, std::uint64_t>> list;
    counters().for_each([&](const char* name, std::uint64_t value) { list.emplace_back(name, value); });
    return list;
}
} // namespace dra::cuda::emulated

#endif
