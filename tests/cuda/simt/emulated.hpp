#pragma once
/// \file
/// How the tests of the emulator run kernels, and catch faults.

#include "cuda/simt/device.hpp"
#include "cuda/simt/matrix_descriptor.hpp"
#include "cuda/simt/runtime.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace dra::simt::test {

using cuda::emulated::ptx::matrix_descriptor;

/// Device memory, which on this device the host can touch. NaN (0xff) until written.
template <class T> class Array {
public:
    explicit Array(std::size_t size) : size_(size) { REQUIRE(cudaMalloc(&data_, size * sizeof(T)) == cudaSuccess); }
    Array(std::size_t size, T value) : Array(size) { std::fill(begin(), end(), value); }
    ~Array() { cudaFree(data_); }
    Array(const Array&) = delete;

    T* data() const { return data_; }
    std::size_t size() const { return size_; }
    T* begin() const { return data_; }
    T* end() const { return data_ + size_; }
    T& operator[](std::size_t i) const { return data_[i]; }

private:
    T* data_ = nullptr;
    std::size_t size_;
};

/// The configuration and the counters as they were, when a test ends.
struct Restored {
    Config config_before = config();
    Restored() { counters() = {}; }
    ~Restored() { config() = config_before; }
};

/// Launches on the default stream and waits.
template <class... P, class... A>
void run(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, const A&... arguments) {
    const cudaError_t launched = launch(kernel, grid, block, shared_bytes, nullptr, arguments...);
    REQUIRE(launched == cudaSuccess);
    cudaDeviceSynchronize(); // not inside REQUIRE, which would keep the fault for itself
}

/// What an action is accused of, if anything.
inline std::optional<Fault::Report> fault_of(const std::function<void()>& action) {
    try {
        action();
        return std::nullopt;
    } catch (const Fault& fault) {
        CAPTURE(fault.what());
        CHECK(std::string(fault.what()).find(name(fault.kind())) == 0);
        return fault.report();
    }
}

/// Calls action() under ascending, descending and `seeds` random schedules.
inline void for_each_schedule(int seeds, const std::function<void()>& action) {
    const Restored restored;
    for (int i = 0; i < seeds + 2; ++i) {
        config().order = i == 0 ? Order::ascending : i == 1 ? Order::descending : Order::random;
        config().seed = static_cast<std::uint64_t>(i);
        CAPTURE(i);
        action();
    }
}

/// The line of this source file that ends in the comment `// <mark>`.
inline int line_of(const char* file, const std::string& mark) {
    std::ifstream source(file);
    std::string line;
    for (int number = 1; std::getline(source, line); ++number)
        if (line.ends_with("// " + mark)) return number;
    FAIL("no line of " << file << " is marked " << mark);
    return 0;
}

/// Checks that a fault happened, of this kind, at the lines marked so; "" means that no line is to be named.
inline void check_fault(const std::optional<Fault::Report>& fault, FaultKind kind, const char* file,
                        const std::string& first, const std::string& second = "") {
    REQUIRE(fault.has_value());
    const std::string found = std::string(name(fault->kind)) + ": " + fault->words;
    CAPTURE(found);
    CHECK(fault->kind == kind);
    CHECK(fault->first.line == (first.empty() ? 0 : line_of(file, first)));
    CHECK(fault->second.line == (second.empty() ? 0 : line_of(file, second)));
    CHECK(fault->seed == config().seed);
}

/// Two lines in either order: which thread comes first is the schedule's business.
inline void check_fault_between(const std::optional<Fault::Report>& fault, FaultKind kind, const char* file,
                                const std::string& one, const std::string& other) {
    REQUIRE(fault.has_value());
    const std::string found = std::string(name(fault->kind)) + ": " + fault->words;
    CAPTURE(found);
    CHECK(fault->kind == kind);
    const std::pair lines = std::minmax(fault->first.line, fault->second.line);
    CHECK(lines.first == std::min(line_of(file, one), line_of(file, other)));
    CHECK(lines.second == std::max(line_of(file, one), line_of(file, other)));
}

/// Small integers, whose products and sums are exact in float in any order.
template <class T> void fill_with_integers(const Array<T>& array, unsigned seed) {
    std::minstd_rand random(seed);
    for (T& x : array) x = narrow<T>(static_cast<float>(static_cast<int>(random() % 9) - 4));
}

} // namespace dra::simt::test
