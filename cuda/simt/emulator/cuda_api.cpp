#include "cuda/simt/emulator/cuda_api.hpp"

#include "cuda/simt/emulator/counters.hpp"
#include "cuda/simt/emulator/fault.hpp"
#include "cuda/simt/emulator/launch.hpp"
#include "cuda/simt/emulator/shared_memory.hpp"
#include "cuda/simt/emulator/streams.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace dra::simt {
namespace {

using machine::Event;
using machine::Stream;

struct Runtime {
    std::recursive_mutex mutex;
    machine::Streams streams;
    std::vector<std::shared_ptr<Event>> events;
    cudaError_t last_error = cudaSuccess;
};

Runtime& runtime() {
    static Runtime shared;
    return shared;
}

/// Runs a call with the runtime to itself, and remembers its error.
template <class Call> cudaError_t serialised(Call&& call) {
    Runtime& r = runtime();
    const std::lock_guard lock(r.mutex);
    const cudaError_t error = call(r);
    if (error != cudaSuccess) r.last_error = error;
    return error;
}

/// Runs a call on a stream with the runtime to itself; null is the default stream.
template <class Call> cudaError_t on_stream(cudaStream_t stream, Call&& call) {
    return serialised([&](Runtime& r) {
        if (stream && !r.streams.exists(stream)) return cudaErrorInvalidResourceHandle;
        return call(r, stream ? *stream : r.streams.default_stream());
    });
}

std::shared_ptr<Event> find(const Runtime& r, cudaEvent_t event) {
    const auto found =
        std::find_if(r.events.begin(), r.events.end(), [&](const auto& known) { return known.get() == event; });
    return found == r.events.end() ? nullptr : *found;
}

/// Device memory that a copy touches must be there when its turn comes.
void check_device_memory(const Runtime& r, const void* pointer, std::size_t bytes, const char* call) {
    const machine::Allocations::Entry* entry = r.streams.allocations.holding(pointer, bytes);
    if (entry && entry->usable) return;
    throw Fault({.kind = entry ? FaultKind::use_before_wait : FaultKind::out_of_bounds,
                 .words = std::string(call) + " of " + std::to_string(bytes) + " bytes " +
                          (entry ? "of memory that cudaMallocAsync promised, before its stream came to it"
                                 : "that no allocation holds any more"),
                 .first = {},
                 .seed = config().seed});
}

cudaError_t release(Runtime& r, void* pointer) {
    if (!pointer) return cudaSuccess;
    if (!r.streams.allocations.starting_at(pointer)) return cudaErrorInvalidValue;
    const bool fine = r.streams.run_all_quietly();
    r.streams.allocations.release(static_cast<unsigned char*>(pointer));
    return fine ? cudaSuccess : cudaErrorLaunchFailure;
}

cudaError_t allocate(Runtime& r, void** pointer, std::size_t bytes, bool on_device, bool usable) {
    if (!pointer) return cudaErrorInvalidValue;
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    *pointer = r.streams.allocations.allocate(bytes, on_device, usable);
    return *pointer ? cudaSuccess : cudaErrorMemoryAllocation;
}

} // namespace

cudaError_t cudaGetLastError() {
    const std::lock_guard lock(runtime().mutex);
    return std::exchange(runtime().last_error, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() {
    const std::lock_guard lock(runtime().mutex);
    return runtime().last_error;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    return serialised([&](Runtime& r) {
        if (!stream || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
        *stream = r.streams.create(flags == cudaStreamDefault);
        return cudaSuccess;
    });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    return on_stream(stream, [&](Runtime&, Stream& s) {
        if (!stream) return cudaErrorInvalidResourceHandle;
        s.destroyed = true;
        return cudaSuccess;
    });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        r.streams.run_until([&] { return s.queue.empty(); });
        return cudaSuccess;
    });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        const std::shared_ptr<Event> known = find(r, event);
        if (!known) return cudaErrorInvalidResourceHandle;
        r.streams.add(s, {.work = [] {}, .survives_fault = true, .waits_for = known, .recording = known->recorded});
        return cudaSuccess;
    });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    return serialised([&](Runtime& r) {
        if (!event) return cudaErrorInvalidValue;
        r.events.push_back(std::make_shared<Event>(Event{.timed = !(flags & cudaEventDisableTiming), .when = {}}));
        *event = r.events.back().get();
        return cudaSuccess;
    });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    return serialised([&](Runtime& r) {
        return std::erase_if(r.events, [&](const auto& known) { return known.get() == event; })
                   ? cudaSuccess
                   : cudaErrorInvalidResourceHandle;
    });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        const std::shared_ptr<Event> known = find(r, event);
        if (!known) return cudaErrorInvalidResourceHandle;
        const std::uint64_t recording = ++known->recorded;
        r.streams.add(s, {.work =
                              [known, recording] {
                                  known->reached = std::max(known->reached, recording);
                                  known->when = std::chrono::steady_clock::now();
                              },
                          .survives_fault = true});
        return cudaSuccess;
    });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    return serialised([&](Runtime& r) {
        const std::shared_ptr<Event> known = find(r, event);
        if (!known) return cudaErrorInvalidResourceHandle;
        r.streams.run_until([&, recording = known->recorded] { return known->reached >= recording; });
        return cudaSuccess;
    });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    return serialised([&](Runtime& r) {
        const std::shared_ptr<Event> from = find(r, start), to = find(r, end);
        if (!from || !to || !from->timed || !to->timed || from->recorded == 0 || to->recorded == 0)
            return cudaErrorInvalidResourceHandle;
        if (from->reached < from->recorded || to->reached < to->recorded) return cudaErrorNotReady;
        *milliseconds = std::chrono::duration<float, std::milli>(to->when - from->when).count();
        return cudaSuccess;
    });
}

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
    return serialised([&](Runtime& r) { return allocate(r, pointer, bytes, true, true); });
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
    return serialised([&](Runtime& r) { return allocate(r, pointer, bytes, false, true); });
}

cudaError_t cudaFree(void* pointer) {
    return serialised([&](Runtime& r) { return release(r, pointer); });
}

cudaError_t cudaFreeHost(void* pointer) {
    return serialised([&](Runtime& r) { return release(r, pointer); });
}

cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        const cudaError_t error = allocate(r, pointer, bytes, true, false);
        if (error != cudaSuccess || !*pointer) return error;
        auto* memory = static_cast<unsigned char*>(*pointer);
        r.streams.add(s, {.work = [&r, memory] { r.streams.allocations.make_usable(memory); }, .survives_fault = true});
        return cudaSuccess;
    });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        if (!pointer) return cudaSuccess;
        if (!r.streams.allocations.starting_at(pointer)) return cudaErrorInvalidValue;
        auto* memory = static_cast<unsigned char*>(pointer);
        r.streams.add(s, {.work = [&r, memory] { r.streams.allocations.release(memory); }, .survives_fault = true});
        return cudaSuccess;
    });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        if (bytes == 0) return cudaSuccess;
        if (!to || !from) return cudaErrorInvalidValue;
        const machine::Allocations& known = r.streams.allocations;
        const auto *source = known.holding(from, bytes), *target = known.holding(to, bytes);
        const bool from_device = source && source->on_device, to_device = target && target->on_device;
        const bool says_from = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
        const bool says_to = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
        if (kind != cudaMemcpyDefault && (says_from != from_device || says_to != to_device))
            return cudaErrorInvalidValue;

        std::shared_ptr<std::vector<unsigned char>> staged; // pageable memory is read now
        if (!source) {
            const auto* begin = static_cast<const unsigned char*>(from);
            staged = std::make_shared<std::vector<unsigned char>>(begin, begin + bytes);
        }
        r.streams.add(s, {.work = [&r, to, from, bytes, staged, from_device, to_device] {
                          if (from_device) check_device_memory(r, from, bytes, "a copy");
                          if (to_device) check_device_memory(r, to, bytes, "a copy");
                          std::memmove(to, staged ? staged->data() : from, bytes);
                          counters().copied_bytes += bytes;
                      }});
        if (!target) r.streams.run_until([&] { return s.queue.empty(); }); // pageable memory is written before return
        return cudaSuccess;
    });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    return error == cudaSuccess ? cudaStreamSynchronize(nullptr) : error;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        if (bytes == 0) return cudaSuccess;
        if (!r.streams.allocations.holding(to, bytes)) return cudaErrorInvalidValue;
        r.streams.add(s, {.work = [&r, to, value, bytes] {
                          check_device_memory(r, to, bytes, "cudaMemsetAsync");
                          std::memset(to, value, bytes);
                      }});
        return cudaSuccess;
    });
}

cudaError_t machine::queue_kernel(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                                  std::function<void()> thread) {
    return on_stream(stream, [&](Runtime& r, Stream& s) {
        const std::size_t threads = std::size_t(block.x) * block.y * block.z;
        if (threads == 0 || threads > 1024 || block.z > 64) return cudaErrorInvalidConfiguration;
        if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7FFFFFFF || grid.y > 65535 || grid.z > 65535)
            return cudaErrorInvalidConfiguration;
        if (shared_bytes > SharedMemory::largest) return cudaErrorInvalidValue;
        r.streams.add(s, {.work = [&r, what = Grid{grid, block, shared_bytes, std::move(thread)}] {
                          run_grid(what, r.streams.allocations.ranges());
                      }});
        return cudaSuccess;
    });
}

cudaError_t cudaDeviceSynchronize() {
    return serialised([](Runtime& r) {
        r.streams.run_all();
        return cudaSuccess;
    });
}

} // namespace dra::simt
