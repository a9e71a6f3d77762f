#include "tests/cuda/simt/emulated.hpp"

#include <atomic>

namespace dra::simt::test {
namespace {

__global__ void count_visits(int* visits) {
    const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
    __syncthreads(); // the built-ins must still be this thread's after others ran
    if (thread != threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) return;
    int* mine = visits + block * threads + thread;
    store(mine, load(mine) + 1);
}

TEST_CASE("threads: every thread of every block runs once, whatever the shape and the schedule") {
    for_each_schedule(4, [] {
        for (const auto& [grid, block] : {std::pair{dim3(1), dim3(1)},
                                          {dim3(3, 2, 2), dim3(5, 4, 3)},
                                          {dim3(7), dim3(1024)},
                                          {dim3(2), dim3(33)},
                                          {dim3(2, 1, 3), dim3(8, 8, 2)}}) {
            const unsigned count = grid.x * grid.y * grid.z * block.x * block.y * block.z;
            const Array<int> visits(count, 0);
            run(count_visits, grid, block, 0, visits.data());
            CHECK(std::count(visits.begin(), visits.end(), 1) == count);
        }
    });
}

/// Which thread came when: an atomic ticket.
__global__ void take_tickets(unsigned* next, unsigned* order) {
    for (int i = 0; i < 4; ++i) {
        const unsigned ticket = atomicAdd(next, 1u);
        store(order + ticket, threadIdx.x);
        __syncwarp();
    }
}

std::vector<unsigned> order_of(Order order, std::uint64_t seed) {
    config().order = order;
    config().seed = seed;
    const Array<unsigned> next(1, 0u), found(4 * 64);
    run(take_tickets, dim3(1), dim3(64), 0, next.data(), found.data());
    return {found.begin(), found.end()};
}

TEST_CASE("threads: a seed is one schedule, other seeds are others; ascending is by number") {
    const Restored restored;
    int different = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CHECK(order_of(Order::random, seed) == order_of(Order::random, seed));
        different += order_of(Order::random, seed) != order_of(Order::random, seed + 1);
    }
    CHECK(different == 20);
    const std::vector<unsigned> up = order_of(Order::ascending, 0), down = order_of(Order::descending, 0);
    CHECK(up[0] == 0);
    CHECK(up[31] == 31);
    CHECK(down[0] == 63);
}

__global__ void add_up(float* sum) {
    DRA_SHARED_MEMORY(raw);
    auto* values = reinterpret_cast<float*>(raw);
    shared_store(values + threadIdx.x, static_cast<float>(threadIdx.x));
    __syncthreads();
    float x = shared_load(values + (threadIdx.x + 1) % blockDim.x);
    for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(~0u, x, distance);
    if (threadIdx.x % 32 == 0) atomicAdd(sum, x);
}

TEST_CASE("counters: the same whatever the schedule and the number of workers, all but the switches") {
    std::vector<std::vector<std::uint64_t>> seen;
    for_each_schedule(6, [&] {
        for (const int workers : {1, 2, 3}) {
            config().workers = workers;
            counters() = {};
            const Array<float> sum(1, 0.f);
            run(add_up, dim3(5), dim3(96), 96 * sizeof(float), sum.data());
            CHECK(sum[0] == 5 * 95 * 96 / 2);
            std::vector<std::uint64_t> values;
            counters().for_each([&](const std::string& name, std::uint64_t value) {
                if (name != "switches") values.push_back(value);
            });
            seen.push_back(values);
        }
    });
    CHECK(std::adjacent_find(seen.begin(), seen.end(), std::not_equal_to<>()) == seen.end());
    CHECK(counters().blocks == 5);
    CHECK(counters().launches == 1);
    CHECK(counters().syncthreads == 5);
    CHECK(counters().shuffles == 5 * 3 * 5);
    CHECK(counters().atomics == 5 * 3);
    CHECK(counters().shared_store_requests == 5 * 3);
    CHECK(counters().shared_store_wavefronts == 5 * 3);
    CHECK(counters().switches >= 5 * 96);
}

__global__ void fault_in_some_blocks(unsigned first) {
    if (blockIdx.x >= first && threadIdx.x == 7) __syncwarp(1u); // not its own lane
}

TEST_CASE("faults: of several blocks the first is reported, with its thread and the seed") {
    for_each_schedule(4, [] {
        for (const int workers : {1, 2, 3}) {
            config().workers = workers;
            const auto fault = fault_of([] { run(fault_in_some_blocks, dim3(9), dim3(32), 0, 3u); });
            check_fault(fault, FaultKind::warp_divergence, __FILE__, "not its own lane");
            CHECK(fault->block.x == 3);
            CHECK(fault->thread.x == 7);
        }
    });
}

/// Counts the destructors of kernels' frames.
struct Tracked {
    std::atomic<int>* alive;
    explicit Tracked(std::atomic<int>* alive_) : alive(alive_) { ++*alive; }
    ~Tracked() { --*alive; }
    Tracked(const Tracked&) = delete;
};

__global__ void fault_with_frames(std::atomic<int>* alive) {
    const Tracked tracked(alive);
    __syncthreads();
    if (threadIdx.x == 5) __syncwarp(1u);
    __syncthreads();
}

TEST_CASE("faults: every frame of every thread is unwound") {
    for_each_schedule(4, [] {
        config().workers = 1;
        std::atomic<int> alive = 0;
        CHECK(fault_of([&] { run(fault_with_frames, dim3(2), dim3(64), 0, &alive); }).has_value());
        CHECK(alive == 0);
    });
}

} // namespace
} // namespace dra::simt::test
