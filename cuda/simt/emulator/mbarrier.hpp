#pragma once
/// \file
/// mbarriers: objects in shared memory that count arrivals and bytes.
///
/// The 8 bytes hold a mark and a number, so that an object that was never initialised, or that was overwritten, is
/// found out; the state itself is kept here. A phase is complete when as many threads have arrived as the object was
/// initialised for, and as many bytes as they announced; then the next phase begins.

#include "cuda/simt/emulator/schedule.hpp"
#include "cuda/simt/emulator/site.hpp"

#include <cstdint>
#include <deque>

namespace dra::simt::machine {

/// The state of one mbarrier.
struct Mbarrier {
    const std::uint64_t* address;
    unsigned arrivals, pending; ///< the arrivals of a phase, and those that have not come yet
    std::int64_t bytes;         ///< announced bytes minus delivered ones
    unsigned phase;             ///< number of the phase under way
    Site initialised;           ///< where it was initialised
    ThreadSet waiting;          ///< threads that wait for the phase to end
    char edges[2];              ///< what ThreadSanitizer is told of, for even and odd phases
};

/// The mbarriers of a block.
class Mbarriers {
public:
    void restart() { all_.clear(); }
    void add(std::uint64_t* address, unsigned arrivals, Site site);

    /// The object at this address. Throws a Fault if there is none.
    Mbarrier& at(const std::uint64_t* address, Site site);

    void arrive(Mbarrier& barrier, Site site);
    void expect(Mbarrier& barrier, unsigned bytes, Site site);

    /// Takes delivered bytes off; wakes whoever waited, if that was all.
    void deliver(const std::uint64_t* address, std::uint32_t bytes);

    const std::deque<Mbarrier>& all() const { return all_; }

private:
    void complete_if_all_here(Mbarrier& barrier);

    std::deque<Mbarrier> all_; // their edges must not move
};

} // namespace dra::simt::machine
