/// \file
/// Kernels with a planted error, so that sanitizers which do not see into the emulator fail the suite; and the same
/// kernels without, about which they must be silent. The argument chooses: `race-in-block`, `race-between-blocks`,
/// `correct` with ThreadSanitizer; `overrun`, `shared-overrun`, `correct` with AddressSanitizer.
///
/// Plain loads and stores on purpose: load() and store() would find the overruns by themselves.

#include "cuda/simt/device.hpp"
#include "cuda/simt/runtime.hpp"

#include <cstdio>
#include <string>

namespace dra::simt {
namespace {

/// Threads read what others of the block have written; without the barrier that is a race.
__global__ void reverse(int* out, bool with_barrier, unsigned past_the_end) {
    DRA_SHARED_MEMORY(raw);
    auto* values = reinterpret_cast<int*>(raw);
    values[threadIdx.x + past_the_end] = static_cast<int>(threadIdx.x);
    if (with_barrier) __syncthreads();
    const unsigned other = blockDim.x - 1 - threadIdx.x;
    out[blockIdx.x * blockDim.x + threadIdx.x] = values[other];
}

/// Blocks add to one number, atomically or not. Threads of the same number in two blocks are one fiber, which hides
/// nothing here: each block's number is added by another thread.
__global__ void add_blocks(unsigned* sum, bool atomically) {
    if (threadIdx.x != blockIdx.x % blockDim.x) return;
    if (atomically)
        atomicAdd(sum, 1u);
    else
        *sum += 1;
}

__global__ void overrun(int* out, unsigned count) {
    if (threadIdx.x <= count) out[threadIdx.x] = 1;
}

int play(const std::string& what) {
    constexpr unsigned threads = 64, blocks = 8;
    int* out;
    unsigned* sum;
    cudaMalloc(&out, blocks * threads * sizeof(int));
    cudaMalloc(&sum, sizeof *sum);
    cudaMemsetAsync(sum, 0, sizeof *sum, nullptr);
    if (what == "overrun") launch(overrun, dim3(1), dim3(1024), 0, nullptr, out, blocks * threads);
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        config().seed = seed;
        launch(reverse, dim3(blocks), dim3(threads), threads * sizeof(int), nullptr, out, what != "race-in-block",
               what == "shared-overrun" ? 1u : 0u);
        launch(add_blocks, dim3(blocks), dim3(threads), 0, nullptr, sum, what != "race-between-blocks");
        cudaDeviceSynchronize();
    }
    std::printf("%s: %d, %u\n", what.c_str(), out[0], *sum);
    cudaFree(out);
    cudaFree(sum);
    return 0;
}

} // namespace
} // namespace dra::simt

int main(int count, char** arguments) { return count == 2 ? dra::simt::play(arguments[1]) : 2; }
