#pragma once
/// \file
/// From single threads' accesses to a warp's requests: sectors of global memory, wavefronts of shared memory.
///
/// Threads of the emulator run one after another, so a warp's request has to be put together: the k-th time that the
/// lanes pass a line belongs together, counted from the last point where the whole warp met. A lane that skips the line
/// takes no part. Exact for code in which lanes pass a line equally often or not at all between such points.

#include "cuda/simt/emulator/counters.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace dra::simt::machine {

/// The kinds of access that are counted.
enum class Traffic { load, store, async_copy, shared_load, shared_store };

/// One instruction of a warp, as far as its lanes have come.
struct Request {
    std::array<std::uintptr_t, 32> address;
    std::uint32_t lanes = 0;
    std::uint32_t bytes = 0; // per lane
};

/// The number of distinct 32-byte sectors, which a request moves between L2 and the multiprocessor.
std::uint64_t sectors(const Request& request);

/// The number of passes over the 32 banks of 4 bytes. A pass serves any number of lanes that read the same word, but
/// one word per bank; 8 bytes per lane go by half warps and 16 by quarters, as on the GPU.
std::uint64_t wavefronts(const Request& request);

/// The accesses of a warp's lanes since the warp last met.
class AccessLog {
public:
    void record(Traffic traffic, Site site, unsigned lane, const void* address, std::uint32_t bytes);

    /// Counts everything, since the whole warp has come here, and begins the lanes' visits at zero again.
    void flush(Counters& counters) {
        if (!lines_.empty()) count_all(counters);
    }

private:
    struct Line { // a line of the kernel's source, with one kind of traffic
        Site site;
        Traffic traffic;
        std::array<std::uint32_t, 32> visits{};
        std::vector<Request> requests;
    };

    Line& line(Traffic traffic, Site site);
    void count_all(Counters& counters);

    std::vector<Line> lines_;
    std::vector<std::vector<Request>> spare_; // the memory of earlier lines
    std::size_t last_ = 0;
};

} // namespace dra::simt::machine
