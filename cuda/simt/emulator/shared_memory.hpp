#pragma once
/// \file
/// A block's shared memory: NaN when the block begins, canaries behind it, and one address space for instructions.

#include "cuda/simt/emulator/site.hpp"

#include <cstddef>
#include <cstdint>

namespace dra::simt::machine {

/// The byte of poison: NaN in float, bf16 and fp16, -1 in integers.
constexpr int poison_byte = 0xFF;

/// The shared memory of the block that an OS thread runs.
class SharedMemory {
public:
    static constexpr std::size_t largest = std::size_t{227} << 10; ///< bytes that a block can have on sm_90

    SharedMemory();
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;

    /// Makes it ready for the next block.
    void restart(std::size_t bytes, bool poison);
    bool canary_intact() const;

    unsigned char* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

    bool contains(const void* address, std::size_t bytes) const {
        return offset(address) <= bytes_ && bytes <= bytes_ - offset(address);
    }
    /// The offset of an address from the first byte; beyond bytes() for addresses that lie elsewhere.
    std::size_t offset(const void* address) const {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(data_);
    }

    /// Addresses of instructions begin here, so that none is zero. A multiple of 1024, like data().
    static constexpr std::uint32_t window = 1024;

    /// Where byte `offset` of a tile lies under the 128-byte swizzle: address bits 4..6 are flipped by bits 7..9.
    static constexpr std::size_t swizzled(std::size_t offset) { return offset ^ (offset >> 7 & 7) << 4; }

private:
    void map();

    unsigned char* data_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace dra::simt::machine
