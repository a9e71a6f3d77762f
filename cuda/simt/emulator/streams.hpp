#pragma once
/// \file
/// Streams as queues that are worked off when the host waits, in any order that CUDA allows.

#include "cuda/simt/emulator/allocations.hpp"
#include "cuda/simt/emulator/cuda_api.hpp"
#include "cuda/simt/emulator/schedule.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace dra::simt::machine {

/// A CUDA event.
struct Event {
    bool timed;                                 ///< it knows when it was reached
    std::uint64_t recorded = 0, reached = 0;    ///< how often it was queued, and how often its turn has come
    std::chrono::steady_clock::time_point when; ///< the time when its turn last came
};

/// What a stream does in one turn.
struct Operation {
    std::function<void()> work;
    bool survives_fault = false;        ///< it happens even after a kernel's fault, as allocations and events do
    std::shared_ptr<Event> waits_for{}; ///< the event that must be reached before it
    std::uint64_t recording = 0;        ///< number of that event's recording
    std::uint64_t number = 0;           ///< its number, counted over all streams
};

/// A CUDA stream.
struct Stream {
    bool blocking; ///< it waits for the default stream, and that for it
    bool destroyed = false;
    std::deque<Operation> queue{};
};

/// Everything that the runtime knows. There is one per process; calls are serialised by cuda_api.cpp.
class Streams {
public:
    Stream& default_stream() { return *streams_.front(); }
    Stream* create(bool blocking);
    bool exists(const Stream* stream) const;

    void add(Stream& stream, Operation operation);

    /// Works until done(). Throws the fault of a kernel, or one that was kept; everything queued is dropped then.
    void run_until(const std::function<bool()>& done);
    void run_all();

    /// Works everything off for calls that must not throw, because destructors make them: a fault is kept for the next
    /// wait.
    bool run_all_quietly();

    Allocations allocations;

private:
    bool ready(const Stream& stream) const;
    void drop_all();

    std::vector<std::unique_ptr<Stream>> streams_ = first();
    static std::vector<std::unique_ptr<Stream>> first();
    std::uint64_t operations_ = 0;
    std::exception_ptr kept_;
};

} // namespace dra::simt::machine
