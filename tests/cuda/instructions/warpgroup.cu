#include "cuda/kernels/compiler.hpp"
#include "cuda/simt/matrix_descriptor.hpp"
#include "tests/cuda/instructions/harness.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

constexpr int m = 64, k = 64;        // the product (64, N) = (64, 64) (64, N) takes four instructions of depth 16
constexpr int block_bytes = k * 128; // 64 rows of 64 16-bit elements

/// Rows of 128 bytes with the 128-byte swizzle, `words` of them in all.
__device__ void place_swizzled(unsigned char* to, const std::uint32_t* from, int words) {
    for (int w = static_cast<int>(threadIdx.x); w < words; w += 128) {
        const int row = w / 32, chunk = w / 4 % 8;
        shared_store(reinterpret_cast<std::uint32_t*>(to) + 32 * row + 4 * (chunk ^ row % 8) + w % 4, load(from + w));
    }
}

/// in: A (64, 64); then B, K-major as N rows of 64, or MN-major as blocks of 64 columns, 64 rows each. d starts as 1
/// and is added to when `Accumulate`.
template <int N, class T, int TransposeB, bool ARegisters, bool Accumulate> __global__ void __launch_bounds__(128)
    products(const std::uint32_t* in, float* out) {
    DRA_SHARED_MEMORY(raw);
    unsigned char *A = raw, *B = raw + block_bytes;
    constexpr int b_rows = TransposeB ? (N + 63) / 64 * k : N;
    place_swizzled(A, in, m * 32);
    place_swizzled(B, in + m * 32, b_rows * 32);
    ptx::fence_proxy_async();
    __syncthreads();

    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int g = lane / 4, t = lane % 4;
    float d[N / 2];
    for (int i = 0; i < N / 2; ++i) d[i] = 1;
    std::uint32_t a[k / 16][4];
    for (int step = 0; step < k / 16; ++step)
        for (int i = 0; i < 4; ++i) a[step][i] = load(in + 32 * (16 * warp + g + i % 2 * 8) + 8 * step + t + i / 2 * 4);

    ptx::wgmma_fence();
    DRA_UNROLLED for (int step = 0; step < k / 16; ++step) {
        const std::uint64_t b = TransposeB ? ptx::matrix_descriptor(B + 2048 * step, block_bytes, 1024)
                                           : ptx::matrix_descriptor(B + 32 * step, 16, 1024);
        const int accumulate = Accumulate || step > 0;
        if constexpr (ARegisters)
            ptx::wgmma_registers<N, T, TransposeB>(d, a[step], b, accumulate);
        else
            ptx::wgmma_shared<N, T, TransposeB>(d, ptx::matrix_descriptor(A + 32 * step, 16, 1024), b, accumulate);
    }
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
    for (int j = 0; j < N / 8; ++j)
        for (int i = 0; i < 4; ++i) store(out + N * (16 * warp + g + i / 2 * 8) + 8 * j + 2 * t + i % 2, d[4 * j + i]);
}

template <int N, class T, int TransposeB, bool ARegisters, bool Accumulate> InstructionCheck check_product() {
    const Floats a = small_integers(m * k, 3), b = small_integers(k * N, 4);
    Floats b_placed = transposed(b, k, N);
    if (TransposeB) {
        b_placed.assign(static_cast<std::size_t>((N + 63) / 64 * k * 64), 0);
        for (int row = 0; row < k; ++row)
            for (int column = 0; column < N; ++column)
                b_placed[static_cast<std::size_t>((column / 64 * k + row) * 64 + column % 64)] =
                    b[static_cast<std::size_t>(row * N + column)];
    }
    Words in = packed(type_of<T>(), a);
    const Words b_words = packed(type_of<T>(), b_placed);
    in.insert(in.end(), b_words.begin(), b_words.end());
    Floats expected = product(a, b, m, N, k);
    for (float& x : expected) x += Accumulate;
    const Floats found = run_block(products<N, T, TransposeB, ARegisters, Accumulate>, 128,
                                   static_cast<std::size_t>(block_bytes) + 2 * b_placed.size(), in, m * N);
    return within("wgmma m64n" + std::to_string(N) + "k16 " + type_name(type_of<T>()) +
                      (TransposeB ? ", B MN-major" : "") + (ARegisters ? ", A in registers" : "") +
                      (Accumulate ? ", accumulating" : ""),
                  found, expected, 0);
}

template <int N> void check_width(InstructionChecks& checks) {
    checks.push_back(check_product<N, bf16, 0, false, false>());
    checks.push_back(check_product<N, bf16, 1, true, true>());
    checks.push_back(check_product<N, fp16, 1, false, true>());
    checks.push_back(check_product<N, fp16, 0, true, false>());
}

} // namespace

InstructionChecks check_warpgroup_instructions() {
    InstructionChecks checks;
    check_width<16>(checks);
    check_width<32>(checks);
    check_width<64>(checks);
    check_width<96>(checks);
    check_width<128>(checks);
    check_width<256>(checks);
    return checks;
}

} // namespace dra::cuda::DRA_TARGET
