#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

__global__ void shuffle_all(int* out, unsigned mask) {
    const int lane = static_cast<int>(lane_id()), value = lane * lane + 3;
    if (!(mask >> lane & 1)) return;
    int* mine = out + 5 * lane;
    const int lowest = std::countr_zero(mask);
    store(mine, __shfl_sync(mask, value, lowest));
    store(mine + 1, __shfl_xor_sync(mask, value, 1));
    store(mine + 2, __shfl_down_sync(mask, value, mask == ~0u ? 5u : 0u));
    store(mine + 3, static_cast<int>(__ballot_sync(mask, lane % 3 == 0)));
    store(mine + 4, __any_sync(mask, lane == lowest) + 2 * __all_sync(mask, lane < 32) + 4 * __any_sync(mask, false) +
                        8 * __all_sync(mask, lane != lowest));
}

TEST_CASE("warp functions: shuffles and votes give what plain loops give, for full and partial masks") {
    for_each_schedule(4, [] {
        for (const unsigned mask : {~0u, 0xFFFFu, 0xFF00FF00u, 0xC0000000u}) {
            const Array<int> out(5 * 32, -1);
            run(shuffle_all, dim3(1), dim3(32), 0, out.data(), mask);
            unsigned votes = 0;
            for (int lane = 0; lane < 32; lane += 3) votes |= mask & 1u << lane;
            const auto value = [](int lane) { return lane * lane + 3; };
            for (int lane = 0; lane < 32; ++lane) {
                const int* mine = out.data() + 5 * lane;
                if (!(mask >> lane & 1)) {
                    CHECK(mine[0] == -1);
                    continue;
                }
                CHECK(mine[0] == value(std::countr_zero(mask)));
                CHECK(mine[1] == value(lane ^ 1));
                CHECK(mine[2] == value(mask == ~0u && lane + 5 < 32 ? lane + 5 : lane));
                CHECK(static_cast<unsigned>(mine[3]) == votes);
                CHECK(mine[4] == 1 + 2);
            }
        }
    });
}

__global__ void halves_apart(float* out) {
    const unsigned lane = lane_id(), mask = lane < 16 ? 0xFFFFu : 0xFFFF0000u;
    float x = static_cast<float>(lane);
    if (lane < 16) {
        for (int i = 8; i > 0; i /= 2) x += __shfl_xor_sync(mask, x, i);
    } else {
        for (int i = 1; i < 16; i *= 2) x += __shfl_xor_sync(mask, x, i);
    }
    store(out + lane, x);
}

TEST_CASE("warp functions: two halves of a warp may go separate ways, each with its own mask") {
    for_each_schedule(20, [] {
        const Array<float> out(32);
        run(halves_apart, dim3(1), dim3(32), 0, out.data());
        CHECK(std::count(out.begin(), out.begin() + 16, 120.f) == 16);
        CHECK(std::count(out.begin() + 16, out.end(), 376.f) == 16);
    });
}

__global__ void update(int* integers, unsigned* words, float* real, unsigned long long* wide) {
    DRA_SHARED_MEMORY(raw);
    auto* shared = reinterpret_cast<int*>(raw);
    if (threadIdx.x == 0) shared_store(shared, 0);
    __syncthreads();
    const auto me = static_cast<int>(threadIdx.x + blockIdx.x * blockDim.x);
    atomicAdd(integers, me);
    atomicMax(integers + 1, me * (me % 2 ? 1 : -1));
    atomicAdd(words, 3u);
    atomicMax(words + 1, static_cast<unsigned>(me));
    atomicCAS(words + 2, 0u, static_cast<unsigned>(me) + 1);
    atomicAdd(real, 0.5f);
    atomicAdd(wide, 1ull << 33);
    atomicAdd(shared, 1);
    __syncthreads();
    if (threadIdx.x == 0) atomicAdd(integers + 2, shared_load(shared));
}

TEST_CASE("atomics: nothing is lost between threads, blocks and OS threads") {
    for_each_schedule(4, [] {
        config().workers = 2;
        const Array<int> integers(3, 0);
        const Array<unsigned> words(3, 0u);
        const Array<float> real(1, 0.f);
        const Array<unsigned long long> wide(1, 0ull);
        run(update, dim3(8), dim3(64), sizeof(int), integers.data(), words.data(), real.data(), wide.data());
        CHECK(integers[0] == 511 * 512 / 2);
        CHECK(integers[1] == 511);
        CHECK(integers[2] == 512);
        CHECK(words[0] == 3 * 512);
        CHECK(words[1] == 511);
        CHECK((words[2] >= 1 && words[2] <= 512));
        CHECK(real[0] == 256.f);
        CHECK(wide[0] == 512ull << 33);
    });
}

} // namespace
} // namespace dra::simt::test
