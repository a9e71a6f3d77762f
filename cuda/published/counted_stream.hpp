#pragma once
/// \file
/// A stream whose launches, allocations and copies are counted as they are asked for.

#include "cuda/host/buffer.hpp"
#include "cuda/published/rungs.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// A stream that counts what is queued on it.
class CountedStream {
public:
    /// Queues a launch, and counts it.
    template <class... P, class... A>
    void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, const A&... arguments) {
        DRA_CUDA_CHECK(DRA_TARGET::launch(kernel, grid, block, shared_bytes, stream_.get(), arguments...));
        ++device_counts.launches;
    }

    void synchronize() const { stream_.synchronize(); }
    const Stream& stream() const { return stream_; }
    cudaStream_t get() const { return stream_.get(); }

    DeviceCounts device_counts; ///< what the call under way has asked of the device
    published::Counts counts;   ///< what the call under way has done
    bool counting = true;       ///< whether what takes time to count is counted

private:
    Stream stream_;
};

/// Device memory that is asked for while a call is under way, by cudaMalloc, as the published rungs do. Giving it back
/// waits for the device.
class CountedMemory {
public:
    CountedMemory() = default;
    CountedMemory(CountedStream& stream, std::size_t bytes) : stream_(&stream), bytes_(bytes) {
        DRA_CUDA_CHECK(cudaMalloc(&data_, bytes));
        ++stream.device_counts.allocations;
        stream.device_counts.allocated_bytes += static_cast<std::int64_t>(bytes);
    }
    ~CountedMemory() { release(); }
    CountedMemory(CountedMemory&& other) noexcept
        : stream_(other.stream_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    CountedMemory& operator=(CountedMemory&& other) noexcept {
        if (this == &other) return *this;
        release();
        stream_ = other.stream_;
        data_ = std::exchange(other.data_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }

    template <class T> T* as() const { return static_cast<T*>(data_); }
    std::size_t bytes() const { return bytes_; }

    /// Copies all of it from pageable memory of the host; done when it returns.
    void copy_from(const void* host) {
        DRA_CUDA_CHECK(cudaMemcpy(data_, host, bytes_, cudaMemcpyHostToDevice));
        stream_->device_counts.uploaded_bytes += static_cast<std::int64_t>(bytes_);
    }

private:
    void release() {
        if (!data_) return;
        cudaStreamSynchronize(stream_->get()); // cudaFree does it anyway, for all streams
        cudaFree(data_);
        data_ = nullptr;
    }

    CountedStream* stream_ = nullptr;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace dra::cuda::DRA_TARGET::rungs
