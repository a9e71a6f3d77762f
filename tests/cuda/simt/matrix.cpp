#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

/// Lane l gives row l of 32 rows of 8 elements, `pitch` bytes apart; the registers go to out[lane][i].
template <bool transposed> __global__ void load_matrices(std::uint32_t* out, int pitch) {
    DRA_SHARED_MEMORY(raw);
    const int lane = static_cast<int>(threadIdx.x);
    for (int i = 0; i < 8; ++i)
        shared_store(reinterpret_cast<std::uint16_t*>(raw + lane * pitch) + i,
                     static_cast<std::uint16_t>(lane * 8 + i));
    __syncwarp();
    std::uint32_t r[4];
    if (transposed)
        ptx::load_matrix_x4_transposed(r, raw + lane * pitch);
    else
        ptx::load_matrix_x4(r, raw + lane * pitch);
    for (int i = 0; i < 4; ++i) store(out + lane * 4 + i, r[i]);
}

TEST_CASE_TEMPLATE("ldmatrix: registers hold the elements that PTX's figure shows", Transposed, std::false_type,
                   std::true_type) {
    for_each_schedule(4, [] {
        const Array<std::uint32_t> out(128);
        run(load_matrices<Transposed::value>, dim3(1), dim3(32), 32 * 16, out.data(), 16);
        for (unsigned lane = 0; lane < 32; ++lane)
            for (unsigned matrix = 0; matrix < 4; ++matrix)
                for (unsigned half = 0; half < 2; ++half) {
                    const unsigned g = lane / 4, c = lane % 4 * 2 + half;
                    const unsigned row = Transposed::value ? c : g, column = Transposed::value ? g : c;
                    CHECK((out[lane * 4 + matrix] >> 16 * half & 0xFFFF) == (matrix * 8 + row) * 8 + column);
                }
    });
}

TEST_CASE("ldmatrix: rows 128 bytes apart need 8 wavefronts a matrix, rows 16 or 144 bytes apart one") {
    const Restored restored;
    const Array<std::uint32_t> out(128);
    for (const auto& [pitch, wavefronts] : {std::pair{16, 4}, {128, 32}, {64, 16}, {144, 4}}) {
        counters() = {};
        run(load_matrices<false>, dim3(1), dim3(32), 32 * static_cast<std::size_t>(pitch), out.data(), pitch);
        CHECK(counters().load_matrices == 1);
        CHECK(counters().load_matrix_wavefronts == static_cast<std::uint64_t>(wavefronts));
    }
}

__global__ void store_matrices(const std::uint32_t* in, std::uint16_t* out, int pitch) {
    DRA_SHARED_MEMORY(raw);
    const int lane = static_cast<int>(threadIdx.x);
    std::uint32_t r[4];
    for (int i = 0; i < 4; ++i) r[i] = load(in + lane * 4 + i);
    ptx::store_matrix_x4(raw + lane * pitch, r);
    __syncwarp();
    for (int i = 0; i < 8; ++i)
        store(out + lane * 8 + i, shared_load(reinterpret_cast<std::uint16_t*>(raw + lane * pitch) + i));
}

TEST_CASE("stmatrix: the reverse of ldmatrix, with the same wavefronts") {
    for_each_schedule(4, [] {
        const Array<std::uint32_t> registers(128);
        const Array<std::uint16_t> out(256);
        run(load_matrices<false>, dim3(1), dim3(32), 32 * 16, registers.data(), 16);
        for (const auto& [pitch, wavefronts] : {std::pair{16, 4}, {128, 32}}) {
            counters() = {};
            run(store_matrices, dim3(1), dim3(32), 32 * static_cast<std::size_t>(pitch),
                static_cast<const std::uint32_t*>(registers.data()), out.data(), pitch);
            for (unsigned i = 0; i < 256; ++i) CHECK(out[i] == i);
            CHECK(counters().store_matrix_wavefronts == static_cast<std::uint64_t>(wavefronts));
        }
    });
}

template <int planted> __global__ void load_badly(std::uint32_t* out) {
    DRA_SHARED_MEMORY(raw);
    std::uint32_t r[4];
    const unsigned row = threadIdx.x * 16;
    if (planted == 0) ptx::load_matrix_x4(r, raw + row + 8);  // between rows
    if (planted == 1) ptx::load_matrix_x4(r, raw + row + 16); // past the end
    store(out, r[0]);
}

TEST_CASE("ldmatrix: rows that are not on 16 bytes, or outside shared memory, are caught") {
    const Array<std::uint32_t> out(1);
    for_each_schedule(4, [&] {
        check_fault(fault_of([&] { run(load_badly<0>, dim3(1), dim3(32), 1024, out.data()); }), FaultKind::misaligned,
                    __FILE__, "between rows");
        check_fault(fault_of([&] { run(load_badly<1>, dim3(1), dim3(32), 512, out.data()); }), FaultKind::out_of_bounds,
                    __FILE__, "past the end");
    });
}

/// d (16, 8) += a (16, 16) b (16, 8), each from and to global memory, by the layouts of ptx_matrix.hpp.
template <class T> __global__ void multiply(const T* a, const T* b, float* d) {
    const int lane = static_cast<int>(threadIdx.x), g = lane / 4, c = lane % 4 * 2;
    std::uint32_t fa[4], fb[2];
    float fd[4];
    const auto both = [](T low, T high) { return low.bits | static_cast<std::uint32_t>(high.bits) << 16; };
    for (int i = 0; i < 4; ++i) {
        const T* from = a + (g + 8 * (i & 1)) * 16 + c + 8 * (i >> 1);
        fa[i] = both(load(from), load(from + 1));
        fd[i] = load(d + (g + 8 * (i >> 1)) * 8 + c + (i & 1));
    }
    for (int i = 0; i < 2; ++i) fb[i] = both(load(b + (c + 8 * i) * 8 + g), load(b + (c + 8 * i + 1) * 8 + g));
    ptx::mma_m16n8k16<T>(fd, fa, fb[0], fb[1]);
    for (int i = 0; i < 4; ++i) store(d + (g + 8 * (i >> 1)) * 8 + c + (i & 1), fd[i]);
}

TEST_CASE_TEMPLATE("mma: 16x8x16 of exact numbers is exact, and adds to what was there", T, bf16, fp16) {
    for_each_schedule(6, [] {
        const Array<T> a(256), b(128);
        const Array<float> d(128, 100.f);
        fill_with_integers(a, static_cast<unsigned>(config().seed) + 1);
        fill_with_integers(b, static_cast<unsigned>(config().seed) + 2);
        counters() = {};
        run(multiply<T>, dim3(1), dim3(32), 0, static_cast<const T*>(a.data()), static_cast<const T*>(b.data()),
            d.data());
        CHECK(counters().mma_instructions == 1);
        CHECK(counters().tensor_flops == 2 * 16 * 8 * 16);
        for (unsigned i = 0; i < 16; ++i)
            for (unsigned j = 0; j < 8; ++j) {
                float sum = 100;
                for (unsigned k = 0; k < 16; ++k) sum += widen(a[i * 16 + k]) * widen(b[k * 8 + j]);
                CHECK(d[i * 8 + j] == sum);
            }
    });
}

TEST_CASE("mma: a NaN, an infinity and the smallest fp16 go through as in float") {
    const Array<fp16> a(256, narrow<fp16>(0.f)), b(128, narrow<fp16>(0.f));
    const Array<float> d(128, 0.f);
    a[0] = narrow<fp16>(NAN);
    a[16] = narrow<fp16>(INFINITY);
    a[32] = fp16{1}; // 2^-24
    b[0] = narrow<fp16>(2.f);
    run(multiply<fp16>, dim3(1), dim3(32), 0, static_cast<const fp16*>(a.data()), static_cast<const fp16*>(b.data()),
        d.data());
    CHECK(std::isnan(d[0]));
    CHECK(d[8] == INFINITY);
    CHECK(d[16] == 0x1p-23f);
}

} // namespace
} // namespace dra::simt::test
