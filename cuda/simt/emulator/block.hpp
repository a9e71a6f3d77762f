#pragma once
/// \file
/// A thread block on one OS thread: its fibers, and everything that they share.
///
/// An instruction that threads execute together is a meeting: every thread but the last one to come is suspended, the
/// last one executes the instruction for all, and the others become runnable. A suspended thread switches straight to
/// the next runnable one. The OS thread's own flow only starts a block, and is switched to when nothing can run any
/// more.

#include "cuda/simt/emulator/barriers.hpp"
#include "cuda/simt/emulator/counters.hpp"
#include "cuda/simt/emulator/fault.hpp"
#include "cuda/simt/emulator/generic_writes.hpp"
#include "cuda/simt/emulator/grid.hpp"
#include "cuda/simt/emulator/lane.hpp"
#include "cuda/simt/emulator/mbarrier.hpp"
#include "cuda/simt/emulator/sanitizers.hpp"
#include "cuda/simt/emulator/schedule.hpp"
#include "cuda/simt/emulator/shared_memory.hpp"
#include "cuda/simt/emulator/tma.hpp"
#include "cuda/simt/emulator/warp.hpp"
#include "cuda/simt/emulator/warpgroup.hpp"

#include <deque>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dra::simt::machine {

/// The block that an OS thread runs.
class Block {
public:
    /// Makes room for a launch, on the OS thread that will run it. Stacks are kept from one launch to the next.
    void prepare(const Grid& grid, const Config& config, std::span<const MemoryRange> memory);

    /// Runs the block of this number. Throws its Fault.
    void run(std::size_t number);

    /// What all blocks counted, after the launch's last one.
    const Counters& finish();

    /// The block that the calling OS thread runs.
    static Block& current();

    Lane& lane() { return *lane_; }
    Warp& warp() { return warps[lane_->number / warp_size]; }
    Warpgroup& warpgroup();
    unsigned threads() const { return threads_; }
    const Lane* first_exited() const; ///< null while all threads live
    const Config& config() const { return config_; }

    /// Puts a warp's instruction together: the last lane of `mask` to come calls execute() for all of them. Its lanes
    /// must name the same instruction on the same line.
    template <class Execute> void meet(const char* instruction, std::uint32_t mask, Site site, Execute&& execute) {
        Meeting& meeting = join(instruction, mask, site);
        const std::uint32_t me = 1u << lane_->number % warp_size;
        if (meeting.arrived != mask) return suspend(instruction, site);
        execute();
        close(meeting);
        schedule.wake(lane_->number / warp_size, mask & ~me);
    }

    /// Puts an instruction of all 128 threads of a warpgroup together.
    template <class Execute> void meet_warpgroup(const char* instruction, Site site, Execute&& execute) {
        if (!join_warpgroup(instruction, site)) return suspend(instruction, site);
        execute();
        close_warpgroup();
    }

    /// Lets others run until somebody wakes the calling thread, which must be in a set that will be.
    void suspend(const char* instruction, Site site);

    /// Throws a Fault in the calling thread's name.
    [[noreturn]] void fail(FaultKind kind, std::string words, Site first, Site second = {}) const;

    /// Throws a Fault unless kernels may touch these bytes of global memory.
    void check_global(const void* address, std::size_t bytes, Site site) {
        const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(address) - window_begin_;
        if (offset < window_bytes_ && bytes <= window_bytes_ - offset) return;
        find_window(address, bytes, site);
    }
    /// Throws a Fault unless they lie in the block's shared memory, on a multiple of `alignment`.
    void check_shared(const void* address, std::size_t bytes, std::size_t alignment, const char* instruction,
                      Site site) const;

    Schedule schedule;
    SharedMemory shared;
    std::vector<Warp> warps;
    std::vector<Warpgroup> warpgroups;
    Barriers barriers;
    Mbarriers mbarriers;
    Tma tma;
    GenericWrites generic_writes;
    unsigned free_registers = 0;
    ThreadSet waiting_for_registers;
    Counters counters;

private:
    struct Unwinding {}; // what is thrown through fibers whose block has failed

    static void enter();
    Meeting& join(const char* instruction, std::uint32_t mask, Site site);
    void close(Meeting& meeting);
    bool join_warpgroup(const char* instruction, Site site);
    void close_warpgroup();

    void restart(std::size_t number);
    void leave(Lane& lane);
    Fiber& next();
    void unwind();
    void find_window(const void* address, std::size_t bytes, Site site);
    Fault deadlock() const;

    Config config_;
    const Grid* grid_ = nullptr;
    std::span<const MemoryRange> memory_;
    std::uintptr_t window_begin_ = 0, window_bytes_ = 0; // the allocation that was touched last
    char start_edge_ = 0, done_edge_ = 0;                // edges from the OS thread to the fibers, and back

    std::deque<Lane> lanes_; // at least threads_ of them
    unsigned threads_ = 0, alive_ = 0;
    std::size_t stack_bytes_ = 0;
    Lane* lane_ = nullptr;      // the lane that runs
    std::optional<Fiber> main_; // the OS thread's own flow
    bool unwinding_ = false;
    std::exception_ptr error_;
};

} // namespace dra::simt::machine
