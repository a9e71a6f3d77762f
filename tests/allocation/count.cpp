#include "benchmarks/measuring/allocations.hpp"

#include <doctest/doctest.h>

#include <Eigen/Core>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

namespace dra::benchmarks {

/// Keeps the compiler from seeing that a block is not needed.
void* used(void* block) {
    asm volatile("" : "+r"(block) : : "memory");
    return block;
}

TEST_CASE("one Eigen matrix is exactly one allocation, of its elements and at most an alignment more") {
    REQUIRE(allocations_counted());
    AllocationCount count;
    Eigen::MatrixXf matrix(300, 200);
    used(matrix.data());
    const Allocations counted = count.stop();
    MESSAGE("allocations " << counted.number << ", bytes " << counted.bytes << ", peak " << counted.peak_bytes);
    CHECK(counted.number == 1);
    CHECK(counted.bytes >= 300 * 200 * 4);
    CHECK(counted.bytes <= 300 * 200 * 4 + 64);
    CHECK(counted.peak_bytes >= counted.bytes);
    CHECK(counted.peak_bytes <= counted.bytes + 4096); // a large block is rounded up to pages
}

TEST_CASE("nothing is counted where nothing is allocated, and nothing outside of a count") {
    std::free(used(std::malloc(1000)));
    AllocationCount count;
    const Allocations counted = count.stop();
    std::free(used(std::malloc(1000)));
    CHECK(count.stop().number == 0);
    CHECK(counted.number == 0);
    CHECK(counted.bytes == 0);
    CHECK(counted.peak_bytes == 0);
}

TEST_CASE("every way to ask for memory is counted, and what was asked for is summed") {
    AllocationCount count;
    void* const blocks[] = {used(std::malloc(100)), used(std::calloc(10, 20)), used(std::aligned_alloc(64, 320))};
    void* posix = nullptr;
    REQUIRE(::posix_memalign(&posix, 64, 400) == 0);
    void* const grown = used(std::realloc(blocks[0], 1100));
    auto* const object = static_cast<char*>(used(new char[500]));
    const Allocations counted = count.stop();
    CHECK(counted.number == 6);
    CHECK(counted.bytes == 100 + 200 + 320 + 400 + 1100 + 500);
    CHECK(reinterpret_cast<std::uintptr_t>(blocks[2]) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(posix) % 64 == 0);
    for (void* block : {grown, blocks[1], blocks[2], posix}) std::free(block);
    delete[] object;
}

TEST_CASE("an alignment that is none is refused as posix_memalign must") {
    void* untouched = nullptr;
    CHECK(::posix_memalign(&untouched, 48, 100) == EINVAL);
    CHECK(::posix_memalign(&untouched, 2, 100) == EINVAL);
    CHECK(untouched == nullptr);
}

TEST_CASE("the peak is what is alive at once, not what was ever asked for") {
    constexpr std::size_t block = 10'000;
    AllocationCount one_after_another;
    for (int i = 0; i < 8; ++i) std::free(used(std::malloc(block)));
    const Allocations sequential = one_after_another.stop();
    CHECK(sequential.number == 8);
    CHECK(sequential.bytes == 8 * block);
    CHECK(sequential.peak_bytes >= std::int64_t{block});
    CHECK(sequential.peak_bytes < std::int64_t{2 * block});

    void* blocks[8];
    AllocationCount together;
    for (void*& b : blocks) b = used(std::malloc(block));
    for (void* b : blocks) std::free(b);
    const Allocations at_once = together.stop();
    CHECK(at_once.peak_bytes >= std::int64_t{8 * block});
    CHECK(at_once.peak_bytes < std::int64_t{9 * block});
}

TEST_CASE("memory released that was there before makes room under the peak") {
    void* earlier = used(std::malloc(50'000));
    AllocationCount count;
    std::free(earlier);
    void* later = used(std::malloc(20'000));
    CHECK(count.stop().peak_bytes == 0);
    std::free(later);
}

TEST_CASE("what all threads allocate is counted") {
    constexpr int threads = 8, each = 1000;
    std::atomic<bool> go = false;
    std::vector<std::thread> team;
    std::atomic<int> done = 0;
    for (int t = 0; t < threads; ++t)
        team.emplace_back([&] {
            while (!go) std::this_thread::yield();
            for (int i = 0; i < each; ++i) std::free(used(std::malloc(100)));
            ++done;
        });
    AllocationCount count;
    go = true;
    while (done < threads) std::this_thread::yield();
    const Allocations counted = count.stop();
    for (std::thread& member : team) member.join();
    CHECK(counted.number == threads * each);
    CHECK(counted.bytes == threads * each * 100);
}

} // namespace dra::benchmarks
