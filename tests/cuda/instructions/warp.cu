#include "tests/cuda/instructions/harness.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

__global__ void exponentials(const float* x, float* y) {
    store(y + threadIdx.x, ptx::exp2_approximate(load(x + threadIdx.x)));
}

template <class T> __global__ void packs(const float* x, std::uint32_t* y) {
    const unsigned i = threadIdx.x;
    store(y + i, ptx::pack<T>(load(x + 2 * i), load(x + 2 * i + 1)));
}

/// Thread i copies the first i of 16 bytes.
__global__ void asynchronous_copies(const std::uint32_t* from, std::uint32_t* to) {
    DRA_SHARED_MEMORY(raw);
    auto* words = reinterpret_cast<std::uint32_t*>(raw);
    const int i = static_cast<int>(threadIdx.x);
    if (i <= 16) ptx::copy_async_16(words + 4 * i, from + 4 * i, i);
    ptx::copy_async_commit();
    ptx::copy_async_wait<0>();
    if (i <= 16)
        for (int w = 4 * i; w < 4 * i + 4; ++w) store(to + w, shared_load(words + w));
}

template <bool Transposed> __global__ void matrix_loads(const std::uint32_t* from, std::uint32_t* to) {
    DRA_SHARED_MEMORY(raw);
    auto* words = reinterpret_cast<std::uint32_t*>(raw);
    const unsigned lane = threadIdx.x;
    for (unsigned w = 4 * lane; w < 4 * lane + 4; ++w) shared_store(words + w, load(from + w));
    __syncwarp();
    std::uint32_t r[4];
    if constexpr (Transposed)
        ptx::load_matrix_x4_transposed(r, words + 4 * lane);
    else
        ptx::load_matrix_x4(r, words + 4 * lane);
    for (unsigned i = 0; i < 4; ++i) store(to + 4 * lane + i, r[i]);
}

/// in: A (16, 16) row-major, then B^T (8, 16), packed in pairs; d starts as 1.
template <class T> __global__ void products(const std::uint32_t* in, float* out) {
    const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
    const std::uint32_t a[4] = {load(in + 8 * g + t), load(in + 8 * (g + 8) + t), load(in + 8 * g + t + 4),
                                load(in + 8 * (g + 8) + t + 4)};
    const std::uint32_t *b = in + 128, b0 = load(b + 8 * g + t), b1 = load(b + 8 * g + t + 4);
    float d[4] = {1, 1, 1, 1};
    ptx::mma_m16n8k16<T>(d, a, b0, b1);
    for (unsigned i = 0; i < 4; ++i) store(out + 8 * (g + i / 2 * 8) + 2 * t + i % 2, d[i]);
}

/// Eight words a lane: what its neighbours hold, who voted, and what all of them added up to.
__global__ void exchanges(const std::uint32_t* in, std::uint32_t* out) {
    const int lane = static_cast<int>(threadIdx.x);
    const std::uint32_t x = load(in + lane);
    std::uint32_t* mine = out + 8 * lane;
    store(mine, __shfl_sync(~0u, x, (lane + 5) % 32));
    store(mine + 1, __shfl_xor_sync(~0u, x, 3));
    store(mine + 2, __shfl_down_sync(~0u, x, 7));
    store(mine + 3, __ballot_sync(~0u, lane % 3 == 0));
    store(mine + 4, static_cast<std::uint32_t>(__any_sync(~0u, lane == 31) != 0));
    store(mine + 5, static_cast<std::uint32_t>(__all_sync(~0u, lane < 31) != 0));
    store(mine + 6, 0u);
    __syncwarp();
    atomicAdd(out + 6, static_cast<std::uint32_t>(lane)); // all into lane 0's
    store(mine + 7, 0u);
    __syncwarp();
    atomicMax(out + 7, static_cast<std::uint32_t>(lane * 7 % 32));
}

InstructionCheck check_exponentials() {
    Floats x, expected;
    for (int i = 0; i < 32; ++i) x.push_back(static_cast<float>(i) * -1.37f + 3);
    x[31] = -std::numeric_limits<float>::infinity();
    Floats y = run_block(exponentials, 32, 0, x, 32);
    for (std::size_t i = 0; i < 31; ++i) { // relative
        y[i] /= std::exp2(x[i]);
        expected.push_back(1);
    }
    expected.push_back(0);
    return within("ex2.approx, relative", y, expected, 0x1p-22);
}

template <class T> InstructionCheck check_packs(const char* name) {
    Floats x;
    for (int i = 0; i < 64; ++i) x.push_back((static_cast<float>(i) - 20.3f) * 1.00390625f); // ties among them
    return exact(name, run_block(packs<T>, 32, 0, x, 32), packed(type_of<T>(), x));
}

InstructionCheck check_copies() {
    const Words from = counting_words(17 * 4);
    Words expected = from;
    auto* bytes = reinterpret_cast<unsigned char*>(expected.data());
    for (int i = 0; i <= 16; ++i) std::memset(bytes + 16 * i + i, 0, static_cast<std::size_t>(16 - i));
    return exact("cp.async of 0 to 16 bytes", run_block(asynchronous_copies, 32, 17 * 16, from, 17 * 4), expected);
}

InstructionChecks check_matrix_loads() {
    const Words from = counting_words(128);
    Words straight(128), transposed(128);
    for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned i = 0; i < 4; ++i) {
            const unsigned row = lane / 4, column = 2 * (lane % 4), matrix = 64 * i;
            straight[4 * lane + i] = from[(matrix + 8 * row + column) / 2];
            transposed[4 * lane + i] =
                half_of(from, matrix + 8 * column + row) | half_of(from, matrix + 8 * (column + 1) + row) << 16;
        }
    return {exact("ldmatrix.x4", run_block(matrix_loads<false>, 32, 512, from, 128), straight),
            exact("ldmatrix.x4.trans", run_block(matrix_loads<true>, 32, 512, from, 128), transposed)};
}

template <class T> InstructionCheck check_products(const char* name) {
    const Floats a = small_integers(16 * 16, 1), b = small_integers(16 * 8, 2);
    Words in = packed(type_of<T>(), a);
    const Words b_words = packed(type_of<T>(), transposed(b, 16, 8));
    in.insert(in.end(), b_words.begin(), b_words.end());
    Floats expected = product(a, b, 16, 8, 16);
    for (float& x : expected) x += 1;
    return within(name, run_block(products<T>, 32, 0, in, 128), expected, 0);
}

InstructionCheck check_exchanges() {
    const Words x = counting_words(32);
    Words expected(256);
    for (std::size_t lane = 0; lane < 32; ++lane) {
        const std::uint32_t words[8] = {
            x[(lane + 5) % 32],   x[lane ^ 3],        x[lane + 7 < 32 ? lane + 7 : lane], 0x49249249, 1, 0,
            lane == 0 ? 496u : 0, lane == 0 ? 31u : 0};
        std::copy(words, words + 8, expected.begin() + static_cast<std::ptrdiff_t>(8 * lane));
    }
    return exact("shuffles, votes, atomics", run_block(exchanges, 32, 0, x, 256), expected);
}

} // namespace

InstructionChecks check_warp_instructions() {
    InstructionChecks checks = {
        check_exponentials(), check_packs<bf16>("cvt.rn.bf16x2"),        check_packs<fp16>("cvt.rn.f16x2"),
        check_copies(),       check_products<bf16>("mma.m16n8k16 bf16"), check_products<fp16>("mma.m16n8k16 fp16"),
        check_exchanges()};
    const InstructionChecks loads = check_matrix_loads();
    checks.insert(checks.end(), loads.begin(), loads.end());
    return checks;
}

} // namespace dra::cuda::DRA_TARGET
