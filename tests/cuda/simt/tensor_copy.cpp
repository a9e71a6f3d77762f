#include "tests/cuda/simt/emulated.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace dra::simt::test {
namespace {

constexpr std::size_t barrier_at = 32768;

/// Loads a box and shows shared memory as it is; then stores the same bytes through a second map, not before its begin.
template <int R> __global__ void round_trip(const __grid_constant__ TensorMap from,
                                            const __grid_constant__ TensorMap to, std::array<int, R> where,
                                            unsigned bytes, unsigned char* shown) {
    DRA_SHARED_MEMORY(raw);
    auto* barrier = reinterpret_cast<std::uint64_t*>(raw + barrier_at);
    int at[R];
    for (int i = 0; i < R; ++i) at[i] = where[static_cast<std::size_t>(i)];
    if (threadIdx.x == 0) {
        ptx::barrier_init(barrier, 1);
        ptx::barrier_fence_init();
        ptx::barrier_arrive_expect(barrier, bytes);
        ptx::tensor_load(raw, &from, barrier, at);
    }
    __syncthreads();
    ptx::barrier_wait(barrier, 0);
    for (unsigned i = threadIdx.x; i < bytes; i += blockDim.x) store(shown + i, shared_load(raw + i));
    if (threadIdx.x == 0) {
        for (int& x : at) x = x < 0 ? 0 : x;
        ptx::tensor_store(&to, raw, at);
        ptx::bulk_commit();
        ptx::bulk_wait<0>();
    }
}

/// A tensor of 16-bit numbers with a pad behind every row, and a box somewhere over it, perhaps outside.
template <int R> void check_round_trip(unsigned seed, bool swizzle) {
    std::minstd_rand random(seed);
    const auto draw = [&](int low, int high) {
        return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
    };
    std::uint64_t sizes[R], strides[R - 1];
    std::uint32_t box[R];
    std::array<int, R> at;
    std::uint64_t pitch = 1, box_elements = 1;
    for (int i = 0; i < R; ++i) {
        sizes[i] = static_cast<std::uint64_t>(draw(1, i == 0 ? 80 : 6));
        box[i] = static_cast<std::uint32_t>(i == 0 ? (swizzle ? 64 : draw(1, 8) * 8) : draw(1, 4));
        at[static_cast<std::size_t>(i)] = draw(-4, static_cast<int>(sizes[i]));
        pitch = i == 0 ? (sizes[0] + 7) / 8 * 8 + 8 : pitch * (sizes[i] + 1);
        if (i + 1 < R) strides[i] = pitch * 2;
        box_elements *= box[i];
    }
    const Array<std::uint16_t> in(pitch), out(pitch, 0xBEEF);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::uint16_t>(i * 7 + 1);
    const Array<unsigned char> shown(box_elements * 2);
    run(round_trip<R>, dim3(1), dim3(64), barrier_at + 8,
        make_tensor_map(DType::bf16, in.data(), R, sizes, strides, box, swizzle),
        make_tensor_map(DType::bf16, out.data(), R, sizes, strides, box, swizzle), at,
        static_cast<unsigned>(box_elements * 2), shown.data());

    std::vector<bool> written(pitch);
    int wrong = 0;
    for (std::size_t i = 0; i < box_elements; ++i) {
        std::size_t rest = i, from = 0, to = 0;
        bool inside = true, stored = true;
        for (int d = 0; d < R; ++d) {
            const std::int64_t begin = at[static_cast<std::size_t>(d)],
                               within = static_cast<std::int64_t>(rest % box[d]);
            const std::int64_t x = begin + within, y = std::max<std::int64_t>(begin, 0) + within;
            const std::uint64_t stride = d == 0 ? 1 : strides[d - 1] / 2;
            rest /= box[d];
            inside = inside && x >= 0 && x < static_cast<std::int64_t>(sizes[d]);
            stored = stored && y < static_cast<std::int64_t>(sizes[d]);
            if (inside) from += static_cast<std::size_t>(x) * stride;
            if (stored) to += static_cast<std::size_t>(y) * stride;
        }
        std::size_t place = i * 2; // chunk c of 128-byte row r lies at c ^ (r % 8)
        if (swizzle) place = place / 128 * 128 + (place / 16 % 8 ^ place / 128 % 8) * 16 + place % 16;
        std::uint16_t found;
        std::memcpy(&found, shown.data() + place, 2);
        wrong += found != (inside ? in[from] : 0);
        if (stored) {
            wrong += out[to] != (inside ? in[from] : 0);
            written[to] = true;
        }
    }
    for (std::size_t i = 0; i < pitch; ++i) wrong += !written[i] && out[i] != 0xBEEF;
    CAPTURE(R);
    CAPTURE(seed);
    CHECK(wrong == 0);
}

TEST_CASE("TMA: boxes of rank 2 to 5 load with zeros outside, swizzled or not, and store without touching the rest") {
    for_each_schedule(2, [] {
        for (unsigned seed = 1; seed <= 20; ++seed)
            for (const bool swizzle : {false, true}) {
                check_round_trip<2>(seed, swizzle);
                check_round_trip<3>(seed, swizzle);
                check_round_trip<4>(seed, swizzle);
                check_round_trip<5>(seed, swizzle);
            }
    });
}

TEST_CASE("TMA: bytes count the zeros outside, sectors do not") {
    const Restored restored;
    const std::uint64_t sizes[2] = {64, 10}, strides[1] = {128};
    const std::uint32_t box[2] = {64, 16};
    const Array<bf16> in(640, bf16{});
    const Array<unsigned char> shown(2048);
    const TensorMap map = make_tensor_map(DType::bf16, in.data(), 2, sizes, strides, box, true);
    run(round_trip<2>, dim3(1), dim3(32), barrier_at + 8, map, map, std::array<int, 2>{0, 0}, 2048u, shown.data());
    CHECK(counters().tensor_loads == 1);
    CHECK(counters().tensor_stores == 1);
    CHECK(counters().tensor_bytes == 2 * 2048);
    CHECK(counters().tensor_sectors == 2 * 10 * 4);
}

TEST_CASE("TMA: maps that the driver refuses are refused") {
    const Array<bf16> in(1024);
    const auto make = [&](std::size_t offset, int rank, std::uint64_t stride, std::uint32_t inner, std::uint32_t outer,
                          bool swizzle) {
        const std::uint64_t sizes[2] = {64, 16}, strides[1] = {stride};
        const std::uint32_t box[2] = {inner, outer};
        make_tensor_map(DType::bf16, in.data() + offset, rank, sizes, strides, box, swizzle);
    };
    CHECK_NOTHROW(make(0, 2, 128, 64, 16, true));
    CHECK_THROWS_AS(make(1, 2, 128, 64, 16, true), std::invalid_argument);
    CHECK_THROWS_AS(make(0, 1, 128, 64, 16, true), std::invalid_argument);
    CHECK_THROWS_AS(make(0, 2, 120, 64, 16, true), std::invalid_argument);
    CHECK_THROWS_AS(make(0, 2, 128, 72, 16, true), std::invalid_argument);
    CHECK_THROWS_AS(make(0, 2, 128, 4, 16, false), std::invalid_argument);
    CHECK_THROWS_AS(make(0, 2, 128, 64, 257, true), std::invalid_argument);
}

template <int planted> __global__ void copy_badly(const __grid_constant__ TensorMap map) {
    DRA_SHARED_MEMORY(raw);
    auto* barrier = reinterpret_cast<std::uint64_t*>(raw + barrier_at);
    const int at[2] = {0, 0}, three[3] = {0, 0, 0}, before[2] = {0, -3};
    for (unsigned i = threadIdx.x; i < 512; i += blockDim.x)
        shared_store(reinterpret_cast<float*>(raw) + i, 1.f); // generic write
    if (planted != 5) ptx::fence_proxy_async();
    __syncthreads();
    if (threadIdx.x != 0) return;
    ptx::barrier_init(barrier, 1);
    if (planted == 0) ptx::tensor_load(raw + 64, &map, barrier, at);         // off 128
    if (planted == 1) ptx::tensor_load(raw + barrier_at, &map, barrier, at); // beyond
    if (planted == 2) ptx::tensor_load(raw, &map, barrier, three);           // three coordinates
    if (planted == 3) ptx::tensor_store(&map, raw, at);                      // not waited for
    if (planted == 6) ptx::tensor_store(&map, raw, before);                  // before the tensor
    if (planted == 4 || planted == 5) {
        ptx::tensor_store(&map, raw, at); // async read
        ptx::bulk_commit();
        ptx::bulk_wait<0>();
    }
}

TEST_CASE("TMA: misaligned and misplaced boxes, a store nobody waits for, and a missing proxy fence are caught") {
    for_each_schedule(6, [] {
        const std::uint64_t sizes[2] = {64, 16}, strides[1] = {128};
        const std::uint32_t box[2] = {64, 16};
        const Array<bf16> in(1024);
        const TensorMap map = make_tensor_map(DType::bf16, in.data(), 2, sizes, strides, box, true);
        const auto fault = [&](auto kernel) {
            return fault_of([&] { run(kernel, dim3(1), dim3(64), barrier_at + 8, map); });
        };
        check_fault(fault(copy_badly<0>), FaultKind::misaligned, __FILE__, "off 128");
        check_fault(fault(copy_badly<1>), FaultKind::out_of_bounds, __FILE__, "beyond");
        check_fault(fault(copy_badly<2>), FaultKind::out_of_bounds, __FILE__, "three coordinates");
        check_fault(fault(copy_badly<6>), FaultKind::out_of_bounds, __FILE__, "before the tensor");
        check_fault(fault(copy_badly<3>), FaultKind::unfinished_copy, __FILE__, "not waited for");
        CHECK_FALSE(fault(copy_badly<4>)); // the writers fence
        check_fault(fault(copy_badly<5>), FaultKind::missing_fence, __FILE__, "async read", "generic write");
    });
}

/// Stores a tile, and writes shared memory again before or after waiting for the store to have read it.
template <bool waits> __global__ void store_and_reuse(const __grid_constant__ TensorMap map) {
    DRA_SHARED_MEMORY(raw);
    auto* tile = reinterpret_cast<float*>(raw);
    for (int i = 0; i < 128; ++i) shared_store(tile + i, 1.f);
    ptx::fence_proxy_async();
    const int at[2] = {0, 0};
    ptx::tensor_store(&map, raw, at);
    ptx::bulk_commit();
    if (waits) ptx::bulk_wait<0>();
    for (int i = 0; i < 128; ++i) shared_store(tile + i, 2.f);
    ptx::bulk_wait<0>();
}

TEST_CASE("TMA: a store reads shared memory as late as the wait, so writing again too early is seen") {
    const std::uint64_t sizes[2] = {32, 4}, strides[1] = {128};
    const std::uint32_t box[2] = {32, 4};
    const Array<float> out(128);
    const TensorMap map = make_tensor_map(DType::f32, out.data(), 2, sizes, strides, box, false);
    run(store_and_reuse<true>, dim3(1), dim3(1), 512, map);
    CHECK(std::count(out.begin(), out.end(), 1.f) == 128);
    run(store_and_reuse<false>, dim3(1), dim3(1), 512, map);
    CHECK(std::count(out.begin(), out.end(), 1.f) == 0);
}

} // namespace
} // namespace dra::simt::test
