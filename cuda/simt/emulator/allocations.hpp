#pragma once
/// \file
/// Device and pinned host memory: exact in size, on 256-byte boundaries, NaN until written, canaries around.

#include "cuda/simt/emulator/grid.hpp"

#include <cstddef>
#include <map>
#include <vector>

namespace dra::simt::machine {

/// All memory that is allocated.
class Allocations {
public:
    /// One allocation.
    struct Entry {
        std::size_t bytes;
        bool on_device; ///< false: pinned host memory, which kernels can touch as well
        bool usable;    ///< false between cudaMallocAsync and its turn in the stream
    };

    ~Allocations();

    /// New memory; null if that would be more than config().memory_limit in all.
    unsigned char* allocate(std::size_t bytes, bool on_device, bool usable);
    void make_usable(unsigned char* pointer) { entries_.at(pointer).usable = true; }
    void release(unsigned char* pointer);

    /// The allocation that begins at this address, or null.
    const Entry* starting_at(const void* pointer) const;

    /// The allocation that holds these bytes, or null.
    const Entry* holding(const void* pointer, std::size_t bytes) const;

    /// All allocations, sorted by address.
    std::vector<MemoryRange> ranges() const;

    /// Throws Fault, of kind canary, if bytes around an allocation were written; they are mended.
    void check_canaries() const;

private:
    std::map<unsigned char*, Entry> entries_;
    std::size_t total_ = 0;
};

} // namespace dra::simt::machine
