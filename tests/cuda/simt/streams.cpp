#include "tests/cuda/simt/emulated.hpp"

#include <memory>

namespace dra::simt::test {
namespace {

struct Stream {
    cudaStream_t get = nullptr;
    explicit Stream(unsigned flags = cudaStreamNonBlocking) { cudaStreamCreateWithFlags(&get, flags); }
    ~Stream() { cudaStreamDestroy(get); }
    Stream(const Stream&) = delete;
};
struct Event {
    cudaEvent_t get = nullptr;
    explicit Event(unsigned flags = cudaEventDefault) { cudaEventCreateWithFlags(&get, flags); }
    ~Event() { cudaEventDestroy(get); }
    Event(const Event&) = delete;
};

__global__ void increase(float* x) { store(x + threadIdx.x, load(x + threadIdx.x) + 1); }
__global__ void assign(float* x, float value) { store(x + threadIdx.x, value); }

/// One stream writes, another reads what it wrote, with or without waiting.
float produce_and_consume(bool waits) {
    const Array<float> x(1);
    const Stream producer, consumer;
    const Event written;
    launch(assign, dim3(1), dim3(1), 0, producer.get, x.data(), 1.f);
    cudaEventRecord(written.get, producer.get);
    if (waits) cudaStreamWaitEvent(consumer.get, written.get);
    launch(increase, dim3(1), dim3(1), 0, consumer.get, x.data());
    cudaStreamSynchronize(consumer.get);
    return x[0];
}

TEST_CASE("streams: nothing runs before the host waits, and each stream in its order") {
    for_each_schedule(10, [] {
        const Array<float> x(1, 0.f);
        const Stream one, two;
        for (int i = 0; i < 10; ++i) launch(increase, dim3(1), dim3(1), 0, one.get, x.data());
        CHECK(x[0] == 0.f);
        cudaStreamSynchronize(one.get);
        CHECK(x[0] == 10.f);
        launch(assign, dim3(1), dim3(1), 0, two.get, x.data(), 5.f);
        launch(increase, dim3(1), dim3(1), 0, two.get, x.data());
        cudaDeviceSynchronize();
        CHECK(x[0] == 6.f);
    });
}

TEST_CASE("streams: a missing wait for an event is seen under many seeds, and a wait is always enough") {
    int wrong = 0;
    for_each_schedule(48, [&] {
        CHECK(produce_and_consume(true) == 2.f);
        wrong += produce_and_consume(false) != 2.f;
        cudaDeviceSynchronize();
    });
    MESSAGE("seen under " << wrong << " of 50 schedules");
    CHECK(wrong >= 12);
}

TEST_CASE("streams: an event means its last recording before the wait was queued") {
    for_each_schedule(10, [] {
        const Array<float> x(1, 0.f);
        const Stream one, two;
        const Event event;
        cudaEventRecord(event.get, one.get);
        launch(increase, dim3(1), dim3(1), 0, one.get, x.data());
        cudaEventRecord(event.get, one.get);
        cudaEventSynchronize(event.get);
        CHECK(x[0] == 1.f);
        const Event never;
        cudaStreamWaitEvent(two.get, never.get); // never recorded: no wait
        CHECK(cudaStreamSynchronize(two.get) == cudaSuccess);
    });
}

TEST_CASE("streams: the default stream waits for blocking streams and they for it; others do not") {
    int overtaken = 0;
    for_each_schedule(30, [&] {
        const Array<float> x(1, 0.f);
        const Stream blocking(cudaStreamDefault), other;
        launch(assign, dim3(1), dim3(1), 0, blocking.get, x.data(), 1.f);
        launch(increase, dim3(1), dim3(1), 0, nullptr, x.data());
        launch(increase, dim3(1), dim3(1), 0, blocking.get, x.data());
        cudaStreamSynchronize(blocking.get);
        CHECK(x[0] == 3.f);
        launch(assign, dim3(1), dim3(1), 0, nullptr, x.data(), 7.f);
        launch(assign, dim3(1), dim3(1), 0, other.get, x.data(), 8.f);
        cudaDeviceSynchronize();
        overtaken += x[0] == 7.f;
    });
    CHECK(overtaken > 0);
    CHECK(overtaken < 32);
}

TEST_CASE("streams: a fault comes out of the wait, drops what is queued, and the device works on") {
    const Restored restored;
    const Array<float> x(1, 0.f), after(1, 0.f);
    const Stream stream;
    const Event event;
    launch(increase, dim3(1), dim3(2), 0, stream.get, x.data()); // one thread too many
    launch(increase, dim3(1), dim3(1), 0, stream.get, after.data());
    cudaEventRecord(event.get, stream.get);
    CHECK(fault_of([&] { cudaStreamSynchronize(stream.get); })->kind == FaultKind::out_of_bounds);
    CHECK(after[0] == 0.f);
    CHECK(cudaEventSynchronize(event.get) == cudaSuccess);
    launch(increase, dim3(1), dim3(1), 0, stream.get, after.data());
    cudaStreamSynchronize(stream.get);
    CHECK(after[0] == 1.f);
}

TEST_CASE("streams: a fault found while memory is freed does not leave a destructor, but the next wait") {
    const Restored restored;
    const auto x = std::make_unique<Array<float>>(1, 0.f);
    float* freed;
    cudaMalloc(&freed, 4);
    launch(increase, dim3(1), dim3(2), 0, nullptr, x->data());
    CHECK(cudaFree(freed) == cudaErrorLaunchFailure);
    CHECK(cudaGetLastError() == cudaErrorLaunchFailure);
    CHECK(cudaPeekAtLastError() == cudaSuccess);
    CHECK(fault_of([] { cudaDeviceSynchronize(); })->kind == FaultKind::out_of_bounds);
    CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

TEST_CASE("copies: pageable memory is read at once, pinned memory when the copy's turn comes") {
    const Restored restored;
    const Array<int> device(4, 0);
    const Stream stream;
    std::vector<int> pageable = {1, 2, 3, 4};
    cudaMemcpyAsync(device.data(), pageable.data(), 16, cudaMemcpyHostToDevice, stream.get);
    pageable.assign(4, 9);
    CHECK(device[0] == 0);
    cudaStreamSynchronize(stream.get);
    CHECK(device[3] == 4);

    int* pinned;
    cudaMallocHost(&pinned, 16);
    std::fill(pinned, pinned + 4, 5);
    cudaMemcpyAsync(device.data(), pinned, 16, cudaMemcpyHostToDevice, stream.get);
    pinned[0] = 6; // too early: the copy has not read it
    cudaStreamSynchronize(stream.get);
    CHECK(device[0] == 6);
    CHECK(device[1] == 5);

    cudaMemsetAsync(device.data(), 0x11, 8, stream.get);
    cudaMemcpyAsync(pageable.data(), device.data(), 16, cudaMemcpyDefault, stream.get); // waits by itself
    CHECK(pageable == std::vector<int>{0x11111111, 0x11111111, 5, 5});
    CHECK(cudaMemcpy(pinned, device.data(), 16, cudaMemcpyDeviceToHost) == cudaSuccess);
    CHECK(pinned[2] == 5);
    CHECK(counters().copied_bytes == 4 * 16);
    CHECK(cudaMemcpy(pageable.data(), device.data(), 16, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
    CHECK(cudaMemcpy(pageable.data(), device.data(), 20, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
    CHECK(cudaFreeHost(pinned) == cudaSuccess);
}

TEST_CASE("memory: exact, on 256 bytes, NaN, limited, and given back") {
    const Restored restored;
    config().memory_limit = 1000;
    float *a, *b;
    CHECK(cudaMalloc(&a, 400) == cudaSuccess);
    CHECK(reinterpret_cast<std::uintptr_t>(a) % 256 == 0);
    CHECK(std::all_of(a, a + 100, [](float x) { return std::isnan(x); }));
    CHECK(cudaMalloc(&b, 601) == cudaErrorMemoryAllocation);
    CHECK(b == nullptr);
    CHECK(cudaMalloc(&b, 600) == cudaSuccess);
    CHECK(cudaFree(a) == cudaSuccess);
    CHECK(cudaFree(a) == cudaErrorInvalidValue);
    CHECK(cudaFree(b) == cudaSuccess);
    CHECK(cudaFree(nullptr) == cudaSuccess);
    CHECK(cudaMalloc(&a, 0) == cudaSuccess);
    CHECK(a == nullptr);
    CHECK(std::string(cudaGetErrorName(cudaGetLastError())) == "cudaErrorInvalidValue");
}

TEST_CASE(
    "memory: what cudaMallocAsync gives belongs to its stream until others have waited; cudaFreeAsync takes it back") {
    int early = 0;
    for_each_schedule(30, [&] {
        const Stream owner, other;
        float* x;
        cudaMallocAsync(&x, 4, owner.get);
        launch(assign, dim3(1), dim3(1), 0, other.get, x, 1.f);
        const auto fault = fault_of([&] { cudaStreamSynchronize(other.get); });
        if (fault) CHECK(fault->kind == FaultKind::use_before_wait);
        early += fault.has_value();
        cudaFreeAsync(x, owner.get);
        launch(assign, dim3(1), dim3(1), 0, owner.get, x, 1.f);
        CHECK(fault_of([&] { cudaStreamSynchronize(owner.get); })->kind == FaultKind::out_of_bounds);
    });
    CHECK(early > 0);
}

TEST_CASE("launch: what the device cannot do is refused, and not queued") {
    const Restored restored;
    const Array<float> x(1, 0.f);
    const auto error = [&](dim3 grid, dim3 block, std::size_t shared) {
        return launch(increase, grid, block, shared, nullptr, x.data());
    };
    CHECK(error(dim3(1), dim3(1025), 0) == cudaErrorInvalidConfiguration);
    CHECK(error(dim3(0), dim3(1), 0) == cudaErrorInvalidConfiguration);
    CHECK(error(dim3(1, 65536), dim3(1), 0) == cudaErrorInvalidConfiguration);
    CHECK(error(dim3(1), dim3(1), 227 * 1024 + 1) == cudaErrorInvalidValue);
    CHECK(error(dim3(1), dim3(1), 227 * 1024) == cudaSuccess);
    cudaDeviceSynchronize();
    CHECK(x[0] == 1.f);
    CHECK(launch(increase, dim3(1), dim3(1), 0, reinterpret_cast<cudaStream_t>(x.data()), x.data()) ==
          cudaErrorInvalidResourceHandle);
    cudaGetLastError();
}

TEST_CASE("events: elapsed time is that of the work between, and is not there before it") {
    const Restored restored;
    const Array<float> x(32, 0.f);
    const Event begin, end, untimed(cudaEventDisableTiming);
    float milliseconds = -1;
    cudaEventRecord(begin.get);
    for (int i = 0; i < 100; ++i) launch(increase, dim3(1), dim3(32), 0, nullptr, x.data());
    cudaEventRecord(end.get);
    cudaEventRecord(untimed.get);
    CHECK(cudaEventElapsedTime(&milliseconds, begin.get, end.get) == cudaErrorNotReady);
    cudaEventSynchronize(end.get);
    CHECK(cudaEventElapsedTime(&milliseconds, begin.get, end.get) == cudaSuccess);
    CHECK(milliseconds > 0);
    CHECK(cudaEventElapsedTime(&milliseconds, begin.get, untimed.get) == cudaErrorInvalidResourceHandle);
    cudaGetLastError();
}

TEST_CASE("device: one, sm_90, with what config() says") {
    const Restored restored;
    config().multiprocessors = 7;
    cudaDeviceProp properties;
    int count = 0, version = 0;
    CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
    CHECK(count == 1);
    CHECK(cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
    CHECK(properties.major == 9);
    CHECK(properties.multiProcessorCount == 7);
    CHECK(properties.sharedMemPerBlockOptin == 227 * 1024);
    CHECK(cudaRuntimeGetVersion(&version) == cudaSuccess);
    CHECK(version >= 13000);
}

} // namespace
} // namespace dra::simt::test
