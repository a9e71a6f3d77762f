#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

__global__ void copy_some(const unsigned char* in, unsigned char* out, int bytes) {
    DRA_SHARED_MEMORY(raw);
    unsigned char* mine = raw + threadIdx.x * 16;
    ptx::copy_async_16(mine, in + threadIdx.x * 16, bytes);
    ptx::copy_async_commit();
    ptx::copy_async_wait<0>();
    for (int i = 0; i < 16; ++i) store(out + threadIdx.x * 16 + i, shared_load(mine + i));
}

TEST_CASE("cp.async: the first bytes are copied, the others of the 16 are zero, 0 reads nothing") {
    for_each_schedule(2, [] {
        const Array<unsigned char> in(32 * 16), out(32 * 16);
        for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<unsigned char>(i % 250 + 1);
        for (const int bytes : {0, 1, 8, 15, 16}) {
            counters() = {};
            run(copy_some, dim3(1), dim3(32), 32 * 16,
                static_cast<const unsigned char*>(bytes == 0 ? nullptr : in.data()), out.data(), bytes);
            for (std::size_t i = 0; i < out.size(); ++i)
                CHECK(out[i] == (static_cast<int>(i % 16) < bytes ? in[i] : 0));
            CHECK(counters().async_copies == 32);
            CHECK(counters().async_copy_requests == (bytes > 0 ? 1 : 0));
            CHECK(counters().async_copy_sectors == (bytes > 0 ? 16 : 0));
        }
    });
}

template <int planted> __global__ void copy_badly(const unsigned char* in) {
    DRA_SHARED_MEMORY(raw);
    const unsigned at = threadIdx.x * 16;
    if (planted == 0) ptx::copy_async_16(raw + at % 256 + 4, in + at, 16); // shared off 16
    if (planted == 1) ptx::copy_async_16(raw + at, in + at % 256 + 4, 16); // global off 16
    if (planted == 2) ptx::copy_async_16(raw + at, in + at + 16, 16);      // past the global end
    if (planted == 3) ptx::copy_async_16(raw + at + 16, in + at, 16);      // past the shared end
    if (planted == 4) ptx::copy_async_16(raw + at, in + at, 17);           // seventeen
    if (planted == 5) ptx::copy_async_16(raw + at, in + at, 16);           // never committed
    if (planted == 6) ptx::copy_async_16(raw + at, in + at + 16, threadIdx.x == 31 ? 0 : 16);
    if (planted != 5) ptx::copy_async_commit();
}

TEST_CASE("cp.async: bad addresses, sizes and uncommitted copies are caught; size 0 past the end is not accused") {
    for_each_schedule(4, [] {
        const Array<unsigned char> in(512);
        const auto fault = [&](auto kernel) {
            return fault_of([&] { run(kernel, dim3(1), dim3(32), 512, static_cast<const unsigned char*>(in.data())); });
        };
        CHECK_FALSE(fault(copy_badly<6>));
        check_fault(fault(copy_badly<0>), FaultKind::misaligned, __FILE__, "shared off 16");
        check_fault(fault(copy_badly<1>), FaultKind::misaligned, __FILE__, "global off 16");
        check_fault(fault(copy_badly<2>), FaultKind::out_of_bounds, __FILE__, "past the global end");
        check_fault(fault(copy_badly<3>), FaultKind::out_of_bounds, __FILE__, "past the shared end");
        check_fault(fault(copy_badly<4>), FaultKind::out_of_bounds, __FILE__, "seventeen");
        check_fault(fault(copy_badly<5>), FaultKind::unfinished_copy, __FILE__, "never committed");
    });
}

/// How a pipelined kernel can go wrong.
enum class Bug { none, wait_off_by_one, no_barrier_after_wait, stage_reused_early, no_swizzle };

constexpr int tile_rows = 64, tile_columns = 64, threads = 128, chunks = tile_columns / 8;
constexpr std::size_t tile_elements = tile_rows * tile_columns;

template <Bug bug> bf16* at(bf16* tile, int row, int chunk) {
    return tile + row * tile_columns + (bug == Bug::no_swizzle ? chunk : chunk ^ (row & 7)) * 8;
}

template <Bug bug> void load_tile(bf16* tile, const bf16* from) {
    for (int i = static_cast<int>(threadIdx.x); i < tile_rows * chunks; i += threads)
        ptx::copy_async_16(at<bug>(tile, i / chunks, i % chunks), from + i * 8, 16);
}

/// out (64, 8) = sum over the tiles of tile (64, 64) ones (64, 8): row sums, by a double-buffered pipeline. Each warp
/// owns 16 rows, and none of the rows that its own threads copied.
template <Bug bug> __global__ void row_sums(const bf16* in, float* out, int tiles) {
    DRA_SHARED_MEMORY(raw);
    auto* stages = reinterpret_cast<bf16*>(raw);
    const int lane = static_cast<int>(threadIdx.x % 32), row0 = static_cast<int>(3 - threadIdx.x / 32) * 16;
    const std::uint32_t ones = ptx::pack<bf16>(1.f, 1.f);
    float sum[4] = {};
    load_tile<bug>(stages, in);
    ptx::copy_async_commit();
    for (int t = 0; t < tiles; ++t) {
        bf16* tile = stages + t % 2 * tile_elements;
        if (t + 1 < tiles) load_tile<bug>(stages + (t + 1) % 2 * tile_elements, in + (t + 1) * tile_elements);
        ptx::copy_async_commit();
        if (bug == Bug::wait_off_by_one)
            ptx::copy_async_wait<2>();
        else
            ptx::copy_async_wait<1>();
        if (bug != Bug::no_barrier_after_wait) __syncthreads();
        for (int k = 0; k < tile_columns / 16; ++k) {
            std::uint32_t a[4];
            ptx::load_matrix_x4(a, at<bug>(tile, row0 + lane % 16, k * 2 + lane / 16));
            ptx::mma_m16n8k16<bf16>(sum, a, ones, ones);
        }
        if (bug != Bug::stage_reused_early) __syncthreads();
    }
    for (int i = 0; i < 4; ++i) store(out + (row0 + lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2, sum[i]);
}

constexpr int tiles_asked = 6;

/// Whether the kernel gives the right sums, under the schedule that is set.
template <Bug bug> bool right() {
    const Array<bf16> in(tiles_asked * tile_elements);
    const Array<float> out(tile_rows * 8);
    fill_with_integers(in, 5);
    run(row_sums<bug>, dim3(1), dim3(threads), 2 * tile_elements * sizeof(bf16), static_cast<const bf16*>(in.data()),
        out.data(), tiles_asked);
    for (std::size_t row = 0; row < tile_rows; ++row) {
        float sum = 0;
        for (std::size_t t = 0; t < tiles_asked; ++t)
            for (std::size_t j = 0; j < tile_columns; ++j) sum += widen(in[t * tile_elements + row * tile_columns + j]);
        for (std::size_t n = 0; n < 8; ++n)
            if (out[row * 8 + n] != sum) return false; // also where it is NaN
    }
    return true;
}

template <Bug bug> int times_right(int schedules) {
    int count = 0;
    for_each_schedule(schedules - 2, [&] { count += right<bug>(); });
    return count;
}

TEST_CASE("pipeline: the correct one is right under every schedule, one that waits for a group too few under none") {
    constexpr int schedules = 100;
    CHECK(times_right<Bug::none>(schedules) == schedules);
    CHECK(times_right<Bug::wait_off_by_one>(schedules) == 0);
}

#if !defined(DRA_SIMT_WITHOUT_RACES) // ThreadSanitizer would report them, and rightly
TEST_CASE(
    "pipeline: a missing barrier behind the wait, and a stage that is reused too early, are seen through poison") {
    constexpr int schedules = 100;
    const int barrier = times_right<Bug::no_barrier_after_wait>(schedules);
    const int early = times_right<Bug::stage_reused_early>(schedules);
    MESSAGE("of " << schedules << " schedules are right: without the barrier " << barrier << ", reused early "
                  << early);
    CHECK(barrier <= schedules / 10);
    CHECK(early <= schedules / 10);
}
#endif

TEST_CASE("pipeline: without the swizzle ldmatrix needs 8.00 wavefronts a matrix instead of 1.00") {
    const Restored restored;
    CHECK(right<Bug::none>());
    CHECK(counters().load_matrices == 4 * tiles_asked * 4);
    CHECK(counters().load_matrix_wavefronts == 4 * counters().load_matrices);
    CHECK(counters().async_copy_sectors == 16 * counters().async_copy_requests);
    counters() = {};
    CHECK(right<Bug::no_swizzle>());
    CHECK(counters().load_matrix_wavefronts == 8 * 4 * counters().load_matrices);
}

} // namespace
} // namespace dra::simt::test
