#pragma once
/// \file
/// Barriers, shuffles and votes: where the threads of a block or of a warp meet.
///
/// All threads named by the mask must be at the same instruction of the same line; anything else is a fault that names
/// both lines. Shuffles and votes order no memory; __syncwarp and __syncthreads do.

#include "cuda/simt/emulator/site.hpp"
#include "cuda/simt/emulator/thread.hpp"

#include <cstdint>
#include <cstring>

namespace dra::simt {

void __syncthreads(Site site = Site::here());
void __syncwarp(unsigned mask = ~0u, Site site = Site::here());

namespace machine {
std::uint64_t shuffle(unsigned mask, std::uint64_t value, unsigned source_lane, Site site);
unsigned ballot(unsigned mask, bool predicate, Site site);

template <class T> T shuffle_any(unsigned mask, T value, unsigned source_lane, Site site) {
    static_assert(sizeof(T) <= 8);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = shuffle(mask, bits, source_lane, site);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
} // namespace machine

template <class T> T __shfl_sync(unsigned mask, T value, int lane, Site site = Site::here()) {
    return machine::shuffle_any(mask, value, static_cast<unsigned>(lane) % 32, site);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int lane_mask, Site site = Site::here()) {
    return machine::shuffle_any(mask, value, (lane_id() ^ static_cast<unsigned>(lane_mask)) % 32, site);
}
/// Lanes whose source would lie beyond the warp keep their own value.
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned distance, Site site = Site::here()) {
    const unsigned lane = lane_id(), source = lane + distance;
    return machine::shuffle_any(mask, value, source < 32 ? source : lane, site);
}

inline unsigned __ballot_sync(unsigned mask, bool predicate, Site site = Site::here()) {
    return machine::ballot(mask, predicate, site);
}
inline int __any_sync(unsigned mask, bool predicate, Site site = Site::here()) {
    return machine::ballot(mask, predicate, site) != 0;
}
inline int __all_sync(unsigned mask, bool predicate, Site site = Site::here()) {
    return machine::ballot(mask, predicate, site) == mask;
}

} // namespace dra::simt
