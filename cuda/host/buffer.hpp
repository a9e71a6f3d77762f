#pragma once
/// \file
/// Device memory, owned, allocated and freed in the order of a stream.

#include "cuda/host/stream.hpp"

#include <cstddef>

namespace dra::cuda::DRA_TARGET {

/// Queues a copy of device memory to pageable host memory, which holds it only once `stream` was waited for.
inline void copy_to_host(void* host, const void* device, std::size_t bytes, const Stream& stream) {
    DRA_CUDA_CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream.get()));
}

/// Memory on the device for `count` elements, uninitialised. The stream must outlive it: memory is given back behind
/// the work queued there, and other streams that use it must have been waited for.
template <class T> class Buffer {
public:
    Buffer() = default; ///< no memory
    Buffer(const Stream& stream, std::size_t count) : count_(count), stream_(stream.get()) {
        if (count > 0) DRA_CUDA_CHECK(cudaMallocAsync(&data_, bytes(), stream_));
    }
    ~Buffer() {
        if (data_) cudaFreeAsync(data_, stream_);
    }
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)), stream_(other.stream_) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        std::swap(stream_, other.stream_);
        return *this;
    }

    T* data() const { return data_; }
    std::size_t size() const { return count_; }
    std::size_t bytes() const { return count_ * sizeof(T); }

    /// Queues a copy of all of it from pageable host memory, which was read when the call returns.
    void copy_from(const T* host, const Stream& stream) {
        DRA_CUDA_CHECK(cudaMemcpyAsync(data_, host, bytes(), cudaMemcpyHostToDevice, stream.get()));
    }

    /// Queues a copy of all of it to pageable host memory, which holds it only once `stream` was waited for.
    void copy_to(T* host, const Stream& stream) const { copy_to_host(host, data_, bytes(), stream); }

    /// Queues that all of it becomes zero.
    void clear(const Stream& stream) {
        if (count_ > 0) DRA_CUDA_CHECK(cudaMemsetAsync(data_, 0, bytes(), stream.get()));
    }

private:
    T* data_ = nullptr;
    std::size_t count_ = 0;
    cudaStream_t stream_ = nullptr;
};

} // namespace dra::cuda::DRA_TARGET
