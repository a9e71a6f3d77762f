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

struct Event {
    bool timed;
    std::uint64_t recorded = 0, reached = 0; ///< how often it was queued, and how often its turn has come
    std::chrono::steady_clock::time_point when;
};

struct Operation {
    std::function<void()> work;
    bool survives_fault = false; ///< allocations and events: they happen even after a kernel's fault
    std::shared_ptr<Event> waits_for{};
    std::uint64_t recording = 0; ///< of that event
    std::uint64_t number = 0;    ///< counted over all streams
};

struct Stream {
    bool blocking; ///< waits for the default stream, and that for it
    bool destroyed = false;
    std::deque<Operation> queue{};
};

/// Everything the runtime knows. One for the process; calls are serialised by cuda_api.cpp.
class Streams {
public:
    Stream& default_stream() { return *streams_.front(); }
    Stream* create(bool blocking);
    bool exists(const Stream* stream) const;

    void add(Stream& stream, Operation operation);

    /// Works until done(). Throws the fault of a kernel, or one kept; everything queued is dropped then.
    void run_until(const std::function<bool()>& done);
    void run_all();

    /// The same for calls that must not throw, because destructors make them: the fault is kept for the next wait.
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
