#pragma once
/// \file
/// Who wrote what of shared memory through the generic proxy, and whether a fence_proxy_async() came after it.
///
/// TMA stores and wgmma read through the async proxy: what threads wrote (shared_store, stmatrix, cp.async) is visible
/// to them only behind a fence.proxy.async, by the writer after its write, or by the reader after that. Plain stores
/// through a pointer are not seen here.

#include "cuda/simt/emulator/lane.hpp"
#include "cuda/simt/emulator/shared_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dra::simt::machine {

/// The generic writes to a block's shared memory, by chunks of 16 bytes.
class GenericWrites {
public:
    void restart();

    void write(std::size_t offset, std::size_t bytes, const Lane& writer);
    void overwritten(std::size_t offset, std::size_t bytes); ///< says that the async proxy itself has written there
    void fence(Lane& lane) { lane.last_proxy_fence = ++clock_; }

    /// Throws a Fault if some of these bytes were written without a fence. `reader` is the thread that issues the read.
    void check_async_read(std::size_t offset, std::size_t bytes, const Lane& reader, const char* instruction);

    bool any() const { return any_; }

private:
    struct Chunk { // 16 bytes
        const Lane* writer = nullptr;
        std::uint32_t when = 0;
        Site site;
    };

    std::vector<Chunk> chunks_;
    std::uint32_t clock_ = 0;
    bool any_ = false;
};

} // namespace dra::simt::machine
