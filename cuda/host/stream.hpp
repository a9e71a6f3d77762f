#pragma once
/// \file
/// Streams and events, owned: work in one stream runs in order, and an event is how one waits for another.

#include "cuda/host/check.hpp"

#include <utility>

namespace dra::cuda::DRA_TARGET {

/// A point in a stream's work that others can wait for, and that knows when it was reached.
class Event {
public:
    /// Without `timed` it is cheaper and knows no time.
    explicit Event(bool timed = false) {
        DRA_CUDA_CHECK(cudaEventCreateWithFlags(&event_, timed ? cudaEventDefault : cudaEventDisableTiming));
    }
    ~Event() {
        if (event_) cudaEventDestroy(event_);
    }
    Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
    Event& operator=(Event&& other) noexcept {
        std::swap(event_, other.event_);
        return *this;
    }

    void record(cudaStream_t stream) { DRA_CUDA_CHECK(cudaEventRecord(event_, stream)); }
    void wait() const { DRA_CUDA_CHECK(cudaEventSynchronize(event_)); }
    cudaEvent_t get() const { return event_; }

private:
    cudaEvent_t event_ = nullptr;
};

/// Seconds between two timed events that were both reached.
inline double seconds_between(const Event& begin, const Event& end) {
    float milliseconds = 0;
    DRA_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()));
    return milliseconds * 1e-3;
}

/// A queue of work. It does not wait for the default stream, nor that for it.
class Stream {
public:
    Stream() { DRA_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
    ~Stream() {
        if (stream_) cudaStreamDestroy(stream_);
    }
    Stream(Stream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
    Stream& operator=(Stream&& other) noexcept {
        std::swap(stream_, other.stream_);
        return *this;
    }

    /// What is queued from here on waits for the event, on the device: the host goes on.
    void wait(const Event& event) { DRA_CUDA_CHECK(cudaStreamWaitEvent(stream_, event.get(), 0)); }

    /// The host waits for everything queued.
    void synchronize() const { DRA_CUDA_CHECK(cudaStreamSynchronize(stream_)); }

    cudaStream_t get() const { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

} // namespace dra::cuda::DRA_TARGET
