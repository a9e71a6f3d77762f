#pragma once
/// \file
/// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011). A number depends on its counter and key
/// alone, so every schedule, thread count and backend draws the same ones.

#include "reference/definition/tensor.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace dra {

/// The counter of a random number, its lowest word first.
using PhiloxCounter = std::array<std::uint32_t, 4>;

/// The key of a stream of random numbers, its lowest word first.
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Ten rounds of Philox 4x32: four random words of a counter and a key.
constexpr PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
        const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
        counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
                   static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
        key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
    }
    return counter;
}

/// The key of a seed.
constexpr PhiloxKey philox_key(std::uint64_t seed) {
    return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
}

/// The random word that decides whether dropout keeps pair (query i, key j) of query head h, batch b: kept iff
/// word >= floor(p * 2^32). Positions are original ones.
constexpr std::uint32_t dropout_word(std::uint64_t seed, Index b, Index h, Index i, Index j) {
    return philox({static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(h),
                   static_cast<std::uint32_t>(b)},
                  philox_key(seed))[0];
}

/// A tensor of independent normal numbers of mean 0 and this standard deviation (Box and Muller, 1958); the same
/// elements for every shape that has them at the same offset.
template <class T> Tensor<T> random_normal(Shape shape, std::uint64_t seed, double deviation = 1) {
    Tensor<T> x(shape);
    for (Index i = 0; i < x.size(); ++i) {
        const auto words =
            philox({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), 0, 0}, philox_key(seed));
        const double u = (words[0] + 0.5) * 0x1p-32, angle = 2 * std::numbers::pi * 0x1p-32 * words[1];
        x.flat()[i] = static_cast<T>(deviation * std::sqrt(-2 * std::log(u)) * std::cos(angle));
    }
    return x;
}

} // namespace dra
