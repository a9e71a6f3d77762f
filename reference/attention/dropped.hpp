#pragma once
/// \file
/// Dropout of a panel of queries: what weights are multiplied by, computed where they are needed. Not installed.

#include "reference/attention/product.hpp"
#include "reference/definition/dropout.hpp"
#include "reference/definition/random.hpp"
#include "reference/definition/visibility.hpp"

namespace dra::kernel {

/// Word 0 of Philox 4x32-10, lane by lane in one loop per round, which compilers vectorise; see random.hpp. The
/// counters are (j, first + lane * stride, h, b).
template <std::size_t lanes> std::array<std::uint32_t, lanes>
dropout_words(std::uint32_t j, std::uint32_t first, std::uint32_t stride, const Dropout& dropout) {
    std::array<std::uint32_t, lanes> c0, c1, c2, c3;
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
        c0[lane] = j;
        c1[lane] = first + lane * stride;
        c2[lane] = static_cast<std::uint32_t>(dropout.head);
        c3[lane] = static_cast<std::uint32_t>(dropout.batch);
    }
    auto [key0, key1] = philox_key(dropout.seed);
    for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9, key1 += 0xBB67AE85)
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const std::uint64_t a = std::uint64_t{0xD2511F53} * c0[lane], b = std::uint64_t{0xCD9E8D57} * c2[lane];
            c0[lane] = static_cast<std::uint32_t>(b >> 32) ^ c1[lane] ^ key0;
            c1[lane] = static_cast<std::uint32_t>(b);
            c2[lane] = static_cast<std::uint32_t>(a >> 32) ^ c3[lane] ^ key1;
            c3[lane] = static_cast<std::uint32_t>(a);
        }
    return c0;
}

/// Dropout as a panel sees it.
struct DroppedPanel {
    Dropout dropout;
    Positions queries, keys; ///< the panel's queries, and the keys of the view

    explicit operator bool() const { return dropout.drops(); }

    /// The factors of key j of the view for every query: 0, or 1 / (1 - p).
    template <class T> [[gnu::noinline]] Row<T> factors(Index j) const {
        const auto words =
            dropout_words<lanes<T>>(static_cast<std::uint32_t>(keys[j]), static_cast<std::uint32_t>(queries.first),
                                    static_cast<std::uint32_t>(queries.stride), dropout);
        const std::uint32_t threshold = dropout.threshold();
        T factor[lanes<T>];
        for (std::size_t lane = 0; lane < lanes<T>; ++lane)
            factor[lane] = words[lane] >= threshold ? static_cast<T>(dropout.kept()) : T(0);
        Row<T> row;
        std::memcpy(&row, factor, sizeof row);
        return row;
    }

    /// Multiplies P^T of keys j0, ..., a row per key, `stride` rows apart, by their factors.
    template <class T> void drop(Index j0, Index count, Row<T>* p, Index stride = 1) const {
        for (Index j = 0; j < count; ++j) {
            const Row<T> factor = factors<T>(j0 + j);
            DRA_UNROLL (c, vectors) p[j * stride].v[c] *= factor.v[c];
        }
    }
};

} // namespace dra::kernel
