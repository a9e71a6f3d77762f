#pragma once
/// \file
/// A runnable that queues its call on a stream: what running, timing and counting have in common.

#include "cuda/published/counted_stream.hpp"

#include <chrono>

namespace dra::cuda::DRA_TARGET::rungs {

/// What the emulator has counted so far; a GPU counts nothing.
inline DeviceCounts counted_by_emulator() {
    DeviceCounts device_counts;
#ifndef __CUDACC__
    const auto& c = counters();
    device_counts.sectors = static_cast<std::int64_t>(c.load_sectors + c.store_sectors + c.async_copy_sectors);
    device_counts.tensor_flops = static_cast<std::int64_t>(c.tensor_flops);
#endif
    return device_counts;
}

/// A runnable of which only what it queues is left to say.
class StreamRunnable : public Runnable {
public:
    void run() final {
        const DeviceCounts before = counted_by_emulator();
        begin_counting(true);
        queue();
        stream_.synchronize();
        const DeviceCounts now = counted_by_emulator();
        stream_.device_counts.sectors = now.sectors - before.sectors;
        stream_.device_counts.tensor_flops = now.tensor_flops - before.tensor_flops;
        note_what_is_kept(stream_.counts);
        counts_ = stream_.counts;
        device_counts_ = stream_.device_counts;
    }

    RunTime timed_run() final {
        begin_counting(false);
        stream_.synchronize();
        const auto start = std::chrono::steady_clock::now();
        begin_.record(stream_.get());
        queue();
        end_.record(stream_.get());
        const std::chrono::duration<double> queued = std::chrono::steady_clock::now() - start;
        end_.wait();
        return {seconds_between(begin_, end_), queued.count()};
    }

    const published::Counts& counts() const final { return counts_; }
    const DeviceCounts& device_counts() const final { return device_counts_; }

    Attention<float> result() override { throw std::logic_error("a run without attention has no result"); }
    bool exact() override { throw std::logic_error("attention is judged by its result"); }

protected:
    virtual void queue() = 0;                                   ///< queues one call
    virtual void note_what_is_kept(published::Counts&) const {} ///< adds the bytes that are kept between calls

    CountedStream stream_;

private:
    void begin_counting(bool everything) {
        stream_.device_counts = {};
        stream_.counts = {};
        stream_.counting = everything;
    }

    published::Counts counts_;
    DeviceCounts device_counts_;
    Event begin_{true}, end_{true};
};

} // namespace dra::cuda::DRA_TARGET::rungs
