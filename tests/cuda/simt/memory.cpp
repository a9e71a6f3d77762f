#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

template <class T> __global__ void read_strided(const T* in, T* out, int stride, int offset) {
    const T value = load(in + offset + static_cast<int>(threadIdx.x) * stride);
    store(out + threadIdx.x, value);
}

template <class T> std::pair<std::uint64_t, std::uint64_t> sectors_of(int stride, int offset) {
    const Array<T> in(static_cast<std::size_t>(offset + 31 * stride + 1), T{}), out(32);
    counters() = {};
    run(read_strided<T>, dim3(1), dim3(32), 0, static_cast<const T*>(in.data()), out.data(), stride, offset);
    CHECK(counters().loads == 32);
    CHECK(counters().load_requests == 1);
    CHECK(counters().stores == 32);
    CHECK(counters().store_requests == 1);
    return {counters().load_sectors, counters().store_sectors};
}

TEST_CASE("load and store: sectors of 32 bytes a warp request") {
    for_each_schedule(4, [] {
        CHECK(sectors_of<float>(1, 0) == std::pair<std::uint64_t, std::uint64_t>{4, 4});
        CHECK(sectors_of<float>(1, 1).first == 5); // one element off costs a sector
        CHECK(sectors_of<float>(2, 0).first == 8);
        CHECK(sectors_of<float>(8, 0).first == 32);
        CHECK(sectors_of<float>(0, 0).first == 1); // a broadcast
        CHECK(sectors_of<bf16>(1, 0) == std::pair<std::uint64_t, std::uint64_t>{2, 2});
        CHECK(sectors_of<float4>(1, 0) == std::pair<std::uint64_t, std::uint64_t>{16, 16});
        CHECK(sectors_of<float4>(64, 0).first == 32);
    });
}

/// Lanes loop different numbers of times between two points where the warp meets.
__global__ void read_ragged(const float* in, float* out) {
    float sum = 0;
    const int mine = threadIdx.x < 8 ? 3 : 1;
    for (int i = 0; i < mine; ++i) sum += load(in + i * 32 + threadIdx.x);
    __syncwarp();
    if (threadIdx.x % 2 == 0) sum += load(in + threadIdx.x);
    store(out + threadIdx.x, sum);
}

TEST_CASE("load and store: lanes that take no part are not in the request") {
    for_each_schedule(4, [] {
        const Array<float> in(96, 1.f), out(32);
        counters() = {};
        run(read_ragged, dim3(1), dim3(32), 0, static_cast<const float*>(in.data()), out.data());
        CHECK(counters().loads == 8 * 3 + 24 + 16);
        CHECK(counters().load_requests == 3 + 1);
        CHECK(counters().load_sectors == (4 + 1 + 1) + 4);
        CHECK(out[0] == 4.f);

        config().count_requests = false;
        counters() = {};
        run(read_ragged, dim3(1), dim3(32), 0, static_cast<const float*>(in.data()), out.data());
        CHECK(counters().loads == 8 * 3 + 24 + 16);
        CHECK(counters().load_requests == 0);
        config().count_requests = true;
    });
}

template <class T> __global__ void shared_strided(int stride) {
    DRA_SHARED_MEMORY(raw);
    T* mine = reinterpret_cast<T*>(raw) + static_cast<int>(threadIdx.x) * stride;
    if (stride > 0 || threadIdx.x == 0) shared_store(mine, T{});
    __syncwarp();
    shared_load(mine);
}

template <class T> std::uint64_t wavefronts_of(int stride) {
    counters() = {};
    run(shared_strided<T>, dim3(1), dim3(32), 31 * static_cast<std::size_t>(stride) * sizeof(T) + sizeof(T), stride);
    CHECK(counters().shared_loads == 32);
    CHECK(counters().shared_load_requests == 1);
    CHECK(counters().shared_store_wavefronts == counters().shared_load_wavefronts);
    return counters().shared_load_wavefronts;
}

TEST_CASE("shared memory: wavefronts of bank conflicts") {
    for_each_schedule(2, [] {
        CHECK(wavefronts_of<float>(1) == 1);
        CHECK(wavefronts_of<float>(0) == 1); // a broadcast
        CHECK(wavefronts_of<float>(2) == 2);
        CHECK(wavefronts_of<float>(32) == 32);
        CHECK(wavefronts_of<float>(33) == 1); // what padding is for
        CHECK(wavefronts_of<bf16>(1) == 1);   // two lanes a word
        CHECK(wavefronts_of<float4>(1) == 4); // 512 bytes
        CHECK(wavefronts_of<float4>(8) == 32);
        CHECK(wavefronts_of<float2>(1) == 2);
    });
}

template <int planted> __global__ void touch(float* memory, int count) {
    DRA_SHARED_MEMORY(raw);
    auto* shared = reinterpret_cast<float*>(raw);
    const int i = static_cast<int>(threadIdx.x);
    if (planted == 0 && i <= count) store(memory + i, 1.f);                    // one row past the end
    if (planted == 1) load(memory - 1 + i);                                    // one before
    if (planted == 2) shared_store(shared + i + 1, 1.f);                       // past shared memory
    if (planted == 3) shared_load(shared + i - 1);                             // before shared memory
    if (planted == 4) load(reinterpret_cast<float4*>(memory + i % 8 * 2));     // not on 16 bytes
    if (planted == 5) shared_load(reinterpret_cast<float2*>(shared + i % 16)); // not on 8 bytes
    if (planted == 6 && i < count) store(memory + i, shared_load(shared + i));
    if (planted == 7 && i == 0) raw[4 * blockDim.x] = 0;
    if (planted == 8) atomicAdd(memory + count, 1.f); // an atomic past the end
}

TEST_CASE("memory: out of bounds and misaligned accesses are caught where they stand; in bounds is never accused") {
    for_each_schedule(10, [] {
        const Array<float> memory(24);
        const auto fault = [&](auto kernel) {
            return fault_of([&] { run(kernel, dim3(1), dim3(32), 32 * sizeof(float), memory.data(), 24); });
        };
        CHECK_FALSE(fault(touch<6>));
        check_fault(fault(touch<0>), FaultKind::out_of_bounds, __FILE__, "one row past the end");
        check_fault(fault(touch<1>), FaultKind::out_of_bounds, __FILE__, "one before");
        check_fault(fault(touch<2>), FaultKind::out_of_bounds, __FILE__, "past shared memory");
        check_fault(fault(touch<3>), FaultKind::out_of_bounds, __FILE__, "before shared memory");
        check_fault(fault(touch<4>), FaultKind::misaligned, __FILE__, "not on 16 bytes");
        check_fault(fault(touch<5>), FaultKind::misaligned, __FILE__, "not on 8 bytes");
        check_fault(fault(touch<8>), FaultKind::out_of_bounds, __FILE__, "an atomic past the end");
        CHECK(fault(touch<0>)->thread.x == 24);
    });
}

TEST_CASE("memory: shared memory is NaN when a block begins, also for the block that comes second") {
    for_each_schedule(2, [] {
        config().workers = 1;
        const Array<float> memory(24, 0.f);
        run(touch<6>, dim3(3), dim3(32), 32 * sizeof(float), memory.data(), 24);
        CHECK(std::all_of(memory.begin(), memory.end(), [](float x) { return std::isnan(x); }));
    });
}

__global__ void read_only(const float* memory) { load(memory); } // stale

TEST_CASE("memory: what was freed is out of bounds") {
    float* memory;
    cudaMalloc(&memory, 64);
    cudaFree(memory);
    check_fault(fault_of([&] { run(read_only, dim3(1), dim3(1), 0, static_cast<const float*>(memory)); }),
                FaultKind::out_of_bounds, __FILE__, "stale");
}

#if !defined(DRA_SIMT_WITHOUT_CANARIES) // AddressSanitizer stops at these first: see planted_overrun.cpp
__global__ void write_plainly(float* memory, int at) { memory[at] = 1.f; }

TEST_CASE("memory: plain stores around an allocation, or behind shared memory, are seen by canaries") {
    for_each_schedule(1, [] {
        const Array<float> memory(24);
        CHECK_FALSE(fault_of([&] { run(write_plainly, dim3(1), dim3(1), 0, memory.data(), 23); }));
        for (const int at : {-1, 24, 60})
            check_fault(fault_of([&] { run(write_plainly, dim3(1), dim3(1), 0, memory.data(), at); }),
                        FaultKind::canary, __FILE__, "");
        check_fault(fault_of([&] { run(touch<7>, dim3(1), dim3(32), 32 * sizeof(float), memory.data(), 24); }),
                    FaultKind::canary, __FILE__, "");
    });
}
#endif

__global__ void count() {
    count_pairs(3);
    count_flops(10);
}

TEST_CASE("counters: pairs and operations that kernels declare") {
    const Restored restored;
    run(count, dim3(2), dim3(64), 0);
    CHECK(counters().visible_pairs == 3 * 128);
    CHECK(counters().scalar_flops == 10 * 128);
}

} // namespace
} // namespace dra::simt::test
