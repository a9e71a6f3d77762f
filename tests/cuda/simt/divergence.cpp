#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

/// A sum over groups of four lanes, as at the end of a softmax row.
template <bool planted> __global__ void sum_of_four(float* out) {
    float x = static_cast<float>(threadIdx.x);
    x += __shfl_xor_sync(~0u, x, 1); // first
    if (!planted || threadIdx.x % 8 < 4) {
        x += __shfl_xor_sync(~0u, x, 2); // second
    }
    x += __shfl_xor_sync(~0u, x, 0); // third
    store(out + threadIdx.x, x);
}

TEST_CASE("divergence: a shuffle that only some lanes reach is caught, and both lines are named") {
    const Array<float> out(64);
    for_each_schedule(20, [&] {
        CHECK_FALSE(fault_of([&] { run(sum_of_four<false>, dim3(1), dim3(64), 0, out.data()); }));
        const auto fault = fault_of([&] { run(sum_of_four<true>, dim3(1), dim3(64), 0, out.data()); });
        check_fault_between(fault, FaultKind::warp_divergence, __FILE__, "second", "third");
    });
}

__global__ void last_shuffle_under_divergence() {
    __syncwarp();                                     // before
    if (threadIdx.x < 16) __shfl_xor_sync(~0u, 1, 1); // alone
}

TEST_CASE("divergence: lanes that exit while others shuffle are caught") {
    for_each_schedule(20, [] {
        const auto fault = fault_of([] { run(last_shuffle_under_divergence, dim3(1), dim3(32), 0); });
        check_fault_between(fault, FaultKind::warp_divergence, __FILE__, "before", "alone");
    });
}

__global__ void mask_of_others() {
    if (threadIdx.x == 3) __syncwarp(0xF0u); // not named
}

__global__ void source_outside_the_mask() {
    if (threadIdx.x < 4) __shfl_sync(0xFu, 1, 4); // outside
}

__global__ void different_masks() {
    if (threadIdx.x < 16)
        __syncwarp(0x0001FFFFu); // one too many
    else
        __syncwarp(0xFFFF0000u); // its own half
}

TEST_CASE("divergence: masks that do not fit are caught") {
    for_each_schedule(10, [] {
        check_fault(fault_of([] { run(mask_of_others, dim3(1), dim3(32), 0); }), FaultKind::warp_divergence, __FILE__,
                    "not named");
        check_fault(fault_of([] { run(source_outside_the_mask, dim3(1), dim3(32), 0); }), FaultKind::warp_divergence,
                    __FILE__, "outside");
        check_fault_between(fault_of([] { run(different_masks, dim3(1), dim3(32), 0); }), FaultKind::warp_divergence,
                            __FILE__, "one too many", "its own half");
    });
}

__global__ void different_instructions(std::uint32_t* out) {
    DRA_SHARED_MEMORY(raw);
    std::uint32_t r[4] = {};
    float d[4] = {};
    if (threadIdx.x < 8)
        ptx::load_matrix_x4(r, raw + threadIdx.x * 16); // ldmatrix
    else
        ptx::mma_m16n8k16<bf16>(d, r, 0, 0); // mma
    store(out + threadIdx.x, r[0]);
}

TEST_CASE("divergence: a warp that is at two instructions at once is caught") {
    const Array<std::uint32_t> out(32);
    for_each_schedule(10, [&] {
        check_fault_between(fault_of([&] { run(different_instructions, dim3(1), dim3(32), 1024, out.data()); }),
                            FaultKind::warp_divergence, __FILE__, "ldmatrix", "mma");
    });
}

template <int planted> __global__ void barrier_by_warp() {
    if (planted == 1) {
        if (threadIdx.x < 64)
            __syncthreads(); // here
        else
            __syncthreads(); // there
    } else if (planted == 2) {
        __syncthreads();                       // by all
        if (threadIdx.x < 96) __syncthreads(); // by some
    } else {
        __syncthreads();
    }
}

TEST_CASE("divergence: __syncthreads in two branches, or not reached by all, is caught") {
    for_each_schedule(20, [] {
        CHECK_FALSE(fault_of([] { run(barrier_by_warp<0>, dim3(2), dim3(128), 0); }));
        check_fault_between(fault_of([] { run(barrier_by_warp<1>, dim3(2), dim3(128), 0); }),
                            FaultKind::barrier_divergence, __FILE__, "here", "there");
        check_fault_between(fault_of([] { run(barrier_by_warp<2>, dim3(2), dim3(128), 0); }),
                            FaultKind::barrier_divergence, __FILE__, "by all", "by some");
    });
}

} // namespace
} // namespace dra::simt::test
