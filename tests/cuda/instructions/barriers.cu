#include "tests/cuda/instructions/harness.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr unsigned stages = 2, rounds = 5;

/// Warp 0 hands `rounds` rows of 32 words to warp 1 through a ring of stages: each waits for the other.
__global__ void ring(const std::uint32_t* in, std::uint32_t* out) {
    DRA_SHARED_MEMORY(raw);
    auto* words = reinterpret_cast<std::uint32_t*>(raw);
    auto* full = reinterpret_cast<std::uint64_t*>(raw + stages * 32 * sizeof(std::uint32_t));
    std::uint64_t* empty = full + stages;
    const unsigned lane = threadIdx.x % 32;
    if (threadIdx.x == 0) {
        for (unsigned s = 0; s < stages; ++s) {
            ptx::barrier_init(full + s, 32);
            ptx::barrier_init(empty + s, 32);
        }
        ptx::barrier_fence_init();
    }
    __syncthreads();
    for (unsigned round = 0; round < rounds; ++round) {
        const unsigned stage = round % stages, phase = round / stages % 2;
        if (threadIdx.x < 32) {
            ptx::barrier_wait(empty + stage, phase ^ 1); // at first, free
            shared_store(words + 32 * stage + lane, load(in + 32 * round + lane));
            ptx::barrier_arrive(full + stage);
        } else {
            ptx::barrier_wait(full + stage, phase);
            store(out + 32 * round + lane, shared_load(words + 32 * stage + (31 - lane)));
            ptx::barrier_arrive(empty + stage);
        }
    }
}

/// Warp 1 leaves words and goes on; warp 0 waits for it.
__global__ void named(const std::uint32_t* in, std::uint32_t* out) {
    DRA_SHARED_MEMORY(raw);
    auto* words = reinterpret_cast<std::uint32_t*>(raw);
    const unsigned lane = threadIdx.x % 32;
    if (threadIdx.x >= 32) {
        shared_store(words + lane, load(in + lane));
        ptx::named_barrier_arrive(3, 64);
    } else {
        ptx::named_barrier_sync(3, 64);
        store(out + lane, shared_load(words + (31 - lane)));
    }
}

/// One warpgroup gives registers to the other.
__global__ void __launch_bounds__(256, 1) registers(const std::uint32_t* in, std::uint32_t* out) {
    const unsigned i = threadIdx.x;
    if (i < 128) {
        ptx::registers_decrease<40>();
        store(out + i, load(in + i) + 1);
    } else {
        ptx::registers_increase<232>();
        store(out + i, load(in + i) + 2);
    }
}

/// The reverse of ldmatrix: fragments into 32 rows of 16 bytes.
__global__ void matrix_stores(const std::uint32_t* in, std::uint32_t* out) {
    DRA_SHARED_MEMORY(raw);
    auto* words = reinterpret_cast<std::uint32_t*>(raw);
    const unsigned lane = threadIdx.x;
    const std::uint32_t r[4] = {load(in + 4 * lane), load(in + 4 * lane + 1), load(in + 4 * lane + 2),
                                load(in + 4 * lane + 3)};
    ptx::store_matrix_x4(words + 4 * lane, r);
    __syncwarp();
    for (unsigned w = 4 * lane; w < 4 * lane + 4; ++w) store(out + w, shared_load(words + w));
}

} // namespace

InstructionChecks check_barriers() {
    const Words in = counting_words(32 * rounds), some = counting_words(256), fragments = counting_words(128);
    Words through(in.size()), reversed(some.begin(), some.begin() + 32), added = some, rows(128);
    for (std::size_t i = 0; i < in.size(); ++i) through[i] = in[i / 32 * 32 + 31 - i % 32];
    std::reverse(reversed.begin(), reversed.end());
    for (std::size_t i = 0; i < added.size(); ++i) added[i] += i < 128 ? 1 : 2;
    for (std::size_t lane = 0; lane < 32; ++lane)
        for (std::size_t i = 0; i < 4; ++i) rows[32 * i + lane] = fragments[4 * lane + i];
    return {exact("mbarrier ring", run_block(ring, 64, 512, in, in.size()), through),
            exact("bar.arrive, bar.sync", run_block(named, 64, 128, some, 32), reversed),
            exact("setmaxnreg", run_block(registers, 256, 0, some, 256), added),
            exact("stmatrix.x4", run_block(matrix_stores, 32, 512, fragments, 128), rows)};
}

} // namespace dra::cuda::DRA_TARGET
