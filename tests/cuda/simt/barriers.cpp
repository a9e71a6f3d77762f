#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

/// Every round each thread reads what its neighbour of another warp wrote in the round before.
__global__ void pass_around(int* out, int rounds) {
    DRA_SHARED_MEMORY(raw);
    auto* values = reinterpret_cast<int*>(raw);
    const unsigned me = threadIdx.x, threads = blockDim.x;
    shared_store(values + me, static_cast<int>(me));
    for (int i = 0; i < rounds; ++i) {
        __syncthreads();
        const int neighbour = shared_load(values + (me + 33) % threads);
        __syncthreads();
        shared_store(values + me, neighbour + 1);
    }
    store(out + me, shared_load(values + me));
}

TEST_CASE("__syncthreads: what was written before is read behind it, under every schedule") {
    for_each_schedule(20, [] {
        constexpr int threads = 160, rounds = 7;
        const Array<int> out(threads);
        run(pass_around, dim3(1), dim3(threads), threads * sizeof(int), out.data(), rounds);
        for (int i = 0; i < threads; ++i)
            CHECK(out[static_cast<std::size_t>(i)] == (i + 33 * rounds) % threads + rounds);
    });
}

/// Two warps fill, two warps empty; "full" and "empty" are named barriers.
__global__ void hand_over(int* out, int rounds) {
    DRA_SHARED_MEMORY(raw);
    auto* box = reinterpret_cast<int*>(raw);
    constexpr int full = 1, empty = 2, threads = 128;
    const int me = static_cast<int>(threadIdx.x % 64);
    if (threadIdx.x < 64) {
        for (int i = 0; i < rounds; ++i) {
            if (i > 0) ptx::named_barrier_sync(empty, threads);
            shared_store(box + me, i * 100 + me);
            ptx::named_barrier_arrive(full, threads);
        }
    } else {
        int sum = 0;
        for (int i = 0; i < rounds; ++i) {
            ptx::named_barrier_sync(full, threads);
            sum += shared_load(box + 63 - me);
            if (i + 1 < rounds) ptx::named_barrier_arrive(empty, threads);
        }
        store(out + me, sum);
    }
}

TEST_CASE("named barriers: arrive and sync hand a buffer over and back") {
    for_each_schedule(20, [] {
        counters() = {};
        const Array<int> out(64);
        run(hand_over, dim3(1), dim3(128), 64 * sizeof(int), out.data(), 5);
        for (int i = 0; i < 64; ++i) CHECK(out[static_cast<std::size_t>(i)] == 1000 + 5 * (63 - i));
        CHECK(counters().named_barriers == 9);
    });
}

template <int planted> __global__ void named_barrier_misused() {
    if (planted == 0) ptx::named_barrier_sync(0, 64); // reserved
    if (planted == 1) ptx::named_barrier_sync(1, 48); // no multiple
    if (planted == 2) {
        if (threadIdx.x < 32)
            ptx::named_barrier_sync(1, 64); // sixty-four
        else
            ptx::named_barrier_sync(1, 32); // thirty-two
    }
    if (planted == 3 && threadIdx.x < 32) ptx::named_barrier_sync(1, 64); // never met
}

TEST_CASE("named barriers: a wrong id, a wrong count, and one that not all reach are caught") {
    for_each_schedule(10, [] {
        check_fault(fault_of([] { run(named_barrier_misused<0>, dim3(1), dim3(64), 0); }), FaultKind::barrier_misuse,
                    __FILE__, "reserved");
        check_fault(fault_of([] { run(named_barrier_misused<1>, dim3(1), dim3(64), 0); }), FaultKind::barrier_misuse,
                    __FILE__, "no multiple");
        const auto found = fault_of([] { run(named_barrier_misused<3>, dim3(1), dim3(64), 0); });
        check_fault(found, FaultKind::deadlock, __FILE__, "never met");
        CHECK(found->words.find("32 threads from thread 0 on wait in named_barrier_sync") != std::string::npos);
    });
    const Restored restored; // 32 threads that wait for 32 go on, so only some orders show a mixed count
    config().order = Order::ascending;
    check_fault(fault_of([] { run(named_barrier_misused<2>, dim3(1), dim3(64), 0); }), FaultKind::barrier_misuse,
                __FILE__, "thirty-two", "sixty-four");
}

/// A producer warpgroup gives 128 (168 - 40) registers a thread back, two consumers take 72 more each.
__global__ void move_registers(int increased) {
    if (threadIdx.x < 128)
        ptx::registers_decrease<40>();
    else if (increased == 232)
        ptx::registers_increase<232>();
    else
        ptx::registers_increase<240>(); // too many
}

template <int registers> __global__ void wrong_direction() { ptx::registers_decrease<registers>(); } // wrong way

TEST_CASE("setmaxnreg: consumers wait for what the producer gives back; more than there is never comes") {
    for_each_schedule(10, [] {
        counters() = {};
        run(move_registers, dim3(1), dim3(384), 0, 232);
        CHECK(counters().register_changes == 12);
        check_fault(fault_of([] { run(move_registers, dim3(1), dim3(384), 0, 240); }), FaultKind::deadlock, __FILE__,
                    "too many");
        check_fault(fault_of([] { run(wrong_direction<176>, dim3(1), dim3(384), 0); }), FaultKind::bad_registers,
                    __FILE__, "wrong way");
    });
}

} // namespace
} // namespace dra::simt::test
