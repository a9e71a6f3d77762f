#pragma once
/// \file
/// The emulator as host tests use it.

#include "cuda/simt/runtime.hpp"

#include <cstddef>

namespace dra::test {

/// While it lives, nothing can be allocated on the device: an allocation fails as if memory were exhausted.
class NoDeviceMemory {
public:
    NoDeviceMemory() { simt::config().memory_limit = 0; }
    ~NoDeviceMemory() { simt::config().memory_limit = before_; }
    NoDeviceMemory(const NoDeviceMemory&) = delete;
    NoDeviceMemory& operator=(const NoDeviceMemory&) = delete;

private:
    std::size_t before_ = simt::config().memory_limit;
};

/// Calls visit() with each of `count` seeds of the emulator's schedule.
template <class Visit> void for_seeds(std::uint64_t count, Visit visit) {
    const std::uint64_t before = simt::config().seed;
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
        simt::config().seed = seed;
        visit();
    }
    simt::config().seed = before;
}

} // namespace dra::test
