#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

/// Warp 0 fills a ring of two boxes, warp 1 empties it; full and empty are mbarriers of 32 arrivals.
template <bool waits_for_empty> __global__ void ring_by_hand(int* out, int rounds) {
    DRA_SHARED_MEMORY(raw);
    auto* box = reinterpret_cast<int*>(raw);
    auto* full = reinterpret_cast<std::uint64_t*>(raw + 256);
    std::uint64_t* empty = full + 2;
    const int lane = static_cast<int>(threadIdx.x % 32);
    if (threadIdx.x == 0) {
        for (int i = 0; i < 2; ++i) {
            ptx::barrier_init(full + i, 32); // full
            ptx::barrier_init(empty + i, 32);
        }
        ptx::barrier_fence_init();
    }
    __syncthreads();
    int sum = 0;
    for (int i = 0; i < rounds; ++i) {
        const unsigned parity = static_cast<unsigned>(i / 2 % 2);
        int* mine = box + i % 2 * 32;
        if (threadIdx.x < 32) {
            if (waits_for_empty) ptx::barrier_wait(empty + i % 2, parity ^ 1);
            shared_store(mine + lane, i * lane);
            ptx::barrier_arrive(full + i % 2);
        } else {
            ptx::barrier_wait(full + i % 2, parity);
            sum += shared_load(mine + 31 - lane);
            ptx::barrier_arrive(empty + i % 2);
        }
    }
    if (threadIdx.x >= 32) store(out + lane, sum);
}

TEST_CASE("mbarrier: a ring of two stages hands every value over") {
    for_each_schedule(20, [] {
        constexpr int rounds = 9;
        counters() = {};
        const Array<int> out(32);
        run(ring_by_hand<true>, dim3(1), dim3(64), 512, out.data(), rounds);
        for (int i = 0; i < 32; ++i) CHECK(out[static_cast<std::size_t>(i)] == 36 * (31 - i));
        CHECK(counters().barrier_arrivals == 2 * 32 * rounds);
        CHECK(counters().barrier_waits == 2 * 32 * rounds);
    });
}

template <int planted> __global__ void misuse() {
    DRA_SHARED_MEMORY(raw);
    auto* barrier = reinterpret_cast<std::uint64_t*>(raw);
    if (threadIdx.x == 0 && planted != 0) ptx::barrier_init(barrier, 32); // initialised
    __syncthreads();
    if (planted == 0) ptx::barrier_arrive(barrier); // never initialised
    if (planted == 1) {
        if (threadIdx.x == 0) shared_store(barrier, std::uint64_t(32));
        __syncthreads();
        ptx::barrier_arrive(barrier); // overwritten
    }
    if (planted == 2) ptx::barrier_arrive_expect(barrier, 1u << 20); // a megabyte
    if (planted == 3) {
        if (threadIdx.x < 31) ptx::barrier_arrive(barrier);
        ptx::barrier_wait(barrier, 0); // one too few
    }
    if (planted == 4) {
        ptx::barrier_arrive_expect(barrier, threadIdx.x == 0 ? 128 : 0);
        __syncthreads();
        if (threadIdx.x == 0) ptx::barrier_arrive(barrier); // the 33rd
    }
    if (planted == 5) ptx::barrier_wait(barrier + 10000, 0);                 // elsewhere
    if (planted == 6 && threadIdx.x == 0) ptx::barrier_init(barrier + 1, 0); // of nobody
}

TEST_CASE("mbarrier: uninitialised, overwritten, overfull, starved and misplaced ones are caught") {
    for_each_schedule(10, [] {
        const auto fault = [](auto kernel) { return fault_of([&] { run(kernel, dim3(1), dim3(32), 64); }); };
        check_fault(fault(misuse<0>), FaultKind::barrier_misuse, __FILE__, "never initialised");
        check_fault(fault(misuse<1>), FaultKind::barrier_misuse, __FILE__, "overwritten");
        check_fault(fault(misuse<2>), FaultKind::barrier_misuse, __FILE__, "a megabyte", "initialised");
        check_fault(fault(misuse<3>), FaultKind::deadlock, __FILE__, "one too few", "initialised");
        check_fault(fault(misuse<4>), FaultKind::too_many_arrivals, __FILE__, "the 33rd", "initialised");
        check_fault(fault(misuse<5>), FaultKind::out_of_bounds, __FILE__, "elsewhere");
        check_fault(fault(misuse<6>), FaultKind::barrier_misuse, __FILE__, "of nobody");
        CHECK(fault(misuse<3>)->words.find("1 of 32 arrivals to come") != std::string::npos);
    });
}

#if !defined(DRA_SIMT_WITHOUT_RACES) // see copy_async.cpp
TEST_CASE("mbarrier: a producer that does not wait for a free stage gives wrong sums under some schedule") {
    int wrong = 0;
    for_each_schedule(20, [&] {
        const Array<int> out(32);
        if (fault_of([&] { run(ring_by_hand<false>, dim3(1), dim3(64), 512, out.data(), 9); }))
            ++wrong;
        else
            for (int i = 0; i < 32; ++i) wrong += out[static_cast<std::size_t>(i)] != 36 * (31 - i);
    });
    CHECK(wrong > 0);
}
#endif

} // namespace
} // namespace dra::simt::test
