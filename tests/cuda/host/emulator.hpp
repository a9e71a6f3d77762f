#pragma once
/// \file
/// The emulator as host tests use it.

#include "cuda/simt/runtime.hpp"

#include <cstddef>

namespace dra::test {

/// A limit of the device's memory: while it lives, the device gives so many bytes in all; without a number, none at
/// all.
class DeviceMemory {
public:
    explicit DeviceMemory(std::size_t bytes = 0) { simt::config().memory_limit = bytes; }
    ~DeviceMemory() { simt::config().memory_limit = before_; }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

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
