#pragma once
/// \file
/// A fuzz target: bytes in, and a property of the code under it that must hold whatever they are.
///
/// libFuzzer searches for bytes that break it (preset `fuzz`); every other build replays the corpus that was kept.

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace dra::fuzz {

/// Ends the program, which is how a target reports a finding, unless the property holds.
inline void require(bool holds, std::string_view property) {
    if (holds) return;
    fmt::print(stderr, "violated: {}\n", property);
    std::abort();
}

} // namespace dra::fuzz
