#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

constexpr int depth = 64, rows = 64; // of A; four instructions deep

/// A (64, 64) and B (64 of k, N) lie in shared memory with the 128-byte swizzle, written by the threads themselves.
template <class T> void write_swizzled(unsigned char* atoms, int row, int column, T value) {
    const int byte = row * 128 + ((column / 8 ^ row % 8) * 16) + column % 8 * 2;
    shared_store(reinterpret_cast<T*>(atoms + byte), value); // generic write
}

/// What may be wrong.
enum class Bug {
    none,
    no_fence,
    late_wait,
    no_wait,
    no_proxy_fence,
    off_atom,
    no_swizzle,
    outside,
    different_descriptors,
    overlap
};

/// d (64, N) = 1 + a b, or a b without `accumulate`. B is given as (64, N).
template <int N, class T, bool registers, bool mn_major, Bug bug = Bug::none>
__global__ void product(const T* a, const T* b, float* d, int accumulate) {
    DRA_SHARED_MEMORY(raw);
    unsigned char *sa = raw, *sb = raw + rows * 128;
    const int t = static_cast<int>(threadIdx.x), lane = t % 32, row0 = t / 32 * 16 + lane / 4, c = lane % 4 * 2;
    for (int i = t; i < rows * depth; i += 128) write_swizzled(sa, i / depth, i % depth, load(a + i));
    for (int i = t; i < depth * N; i += 128) {
        const int k = i / N, n = i % N;
        if (mn_major) // 64 columns a block of 64 rows of k
            write_swizzled(sb + n / 64 * 8192, k, n % 64, load(b + i));
        else
            write_swizzled(sb, n, k, load(b + i));
    }
    if (bug != Bug::no_proxy_fence) ptx::fence_proxy_async();
    __syncthreads();
    float sum[N / 2];
    for (float& x : sum) x = 1.f;
    if (bug != Bug::no_fence) ptx::wgmma_fence();
    for (int k = 0; k < depth / 16; ++k) {
        const std::uint64_t db =
            mn_major ? matrix_descriptor(sb + k * 2048, 8192, 1024) : matrix_descriptor(sb + k * 32, 16, 1024);
        std::uint64_t da = matrix_descriptor(sa + k * 32, 16, 1024);
        if (bug == Bug::off_atom) da = matrix_descriptor(sa + k * 32 + 128, 16, 1024);
        if (bug == Bug::no_swizzle) da &= ~(3ull << 62);
        if (bug == Bug::outside) da = matrix_descriptor(sa + (rows + N) * 128 - 1024, 16, 1024);
        if (bug == Bug::different_descriptors && t == 77) da += 2;
        const int adds = k > 0 || accumulate;
        if (registers) {
            std::uint32_t fa[4];
            for (int i = 0; i < 4; ++i) {
                const T* from = a + (row0 + 8 * (i & 1)) * depth + k * 16 + c + 8 * (i >> 1);
                fa[i] = load(from).bits | static_cast<std::uint32_t>(load(from + 1).bits) << 16;
            }
            ptx::wgmma_registers<N, T, mn_major>(sum, fa, db, adds);
        } else {
            ptx::wgmma_shared<N, T, mn_major>(sum, da, db, adds); // issued
        }
    }
    if constexpr (bug == Bug::overlap) {
        const std::uint64_t at = matrix_descriptor(sa, 16, 1024);
        ptx::wgmma_shared<16, T>(reinterpret_cast<float(&)[8]>(sum[4]), at, at, 1); // overlapping
    }
    ptx::wgmma_commit();
    if (bug != Bug::late_wait && bug != Bug::no_wait) ptx::wgmma_wait<0>();
    for (int i = 0; i < N / 2; ++i) store(d + (row0 + i / 2 % 2 * 8) * N + i / 4 * 8 + c + i % 2, sum[i]);
    if (bug == Bug::late_wait) ptx::wgmma_wait<0>();
}

template <int N, class T, bool registers, bool mn_major> void check_product() {
    const Array<T> a(rows * depth), b(depth * N);
    const Array<float> d(rows * N);
    fill_with_integers(a, N);
    fill_with_integers(b, N + 1);
    for (const int accumulate : {0, 1}) {
        counters() = {};
        run(product<N, T, registers, mn_major>, dim3(1), dim3(128), (rows + N) * 128, static_cast<const T*>(a.data()),
            static_cast<const T*>(b.data()), d.data(), accumulate);
        int wrong = 0;
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < N; ++j) {
                float sum = static_cast<float>(accumulate);
                for (std::size_t k = 0; k < depth; ++k) sum += widen(a[i * depth + k]) * widen(b[k * N + j]);
                wrong += d[i * N + j] != sum;
            }
        CAPTURE(N);
        CHECK(wrong == 0);
        CHECK(counters().wgmma_instructions == 4);
        CHECK(counters().tensor_flops == 2ull * rows * depth * N);
    }
}

template <int N, class T> void check_products() {
    check_product<N, T, false, false>();
    check_product<N, T, true, false>();
    if constexpr (N % 64 == 0) {
        check_product<N, T, false, true>();
        check_product<N, T, true, true>();
    }
}

TEST_CASE_TEMPLATE("wgmma: m64nNk16 of exact numbers is exact: N 16 to 256, A from registers or shared, B either way",
                   T, bf16, fp16) {
    for_each_schedule(1, [] {
        check_products<16, T>();
        check_products<32, T>();
        check_products<64, T>();
        check_products<96, T>();
        check_products<128, T>();
        check_products<256, T>();
    });
}

template <Bug bug> std::optional<Fault::Report> fault_of_product(Array<float>& d) {
    const Array<bf16> a(rows * depth), b(depth * 64);
    fill_with_integers(a, 1);
    fill_with_integers(b, 2);
    return fault_of([&] {
        run(product<64, bf16, false, false, bug>, dim3(1), dim3(128), (rows + 64) * 128,
            static_cast<const bf16*>(a.data()), static_cast<const bf16*>(b.data()), d.data(), 1);
    });
}

TEST_CASE("wgmma: missing fences and waits, bad descriptors and overlapping accumulators are caught; the correct one "
          "is not") {
    for_each_schedule(10, [] {
        Array<float> d(rows * 64);
        CHECK_FALSE(fault_of_product<Bug::none>(d));
        check_fault(fault_of_product<Bug::no_wait>(d), FaultKind::unfinished_copy, __FILE__, "issued");
        check_fault(fault_of_product<Bug::no_fence>(d), FaultKind::missing_fence, __FILE__, "issued");
        const auto proxy = fault_of_product<Bug::no_proxy_fence>(d);
        check_fault(proxy, FaultKind::missing_fence, __FILE__, "issued", "generic write");
        check_fault(fault_of_product<Bug::off_atom>(d), FaultKind::misaligned, __FILE__, "issued");
        check_fault(fault_of_product<Bug::no_swizzle>(d), FaultKind::bad_descriptor, __FILE__, "issued");
        check_fault(fault_of_product<Bug::outside>(d), FaultKind::out_of_bounds, __FILE__, "issued");
        check_fault(fault_of_product<Bug::different_descriptors>(d), FaultKind::bad_descriptor, __FILE__, "issued");
        check_fault(fault_of_product<Bug::overlap>(d), FaultKind::accumulator_in_flight, __FILE__, "overlapping",
                    "issued");
    });
}

TEST_CASE("wgmma: sums read before the wait are NaN, every one of them") {
    for_each_schedule(10, [] {
        Array<float> d(rows * 64, 0.f);
        CHECK_FALSE(fault_of_product<Bug::late_wait>(d));
        CHECK(std::all_of(d.begin(), d.end(), [](float x) { return std::isnan(x); }));
    });
}

/// Two groups under way into the same registers and a third into others; wait<1> delivers what is finished, no more.
__global__ void groups(const bf16* a, float* d) {
    DRA_SHARED_MEMORY(raw);
    const int t = static_cast<int>(threadIdx.x);
    for (int i = t; i < rows * depth; i += 128) write_swizzled(raw, i / depth, i % depth, load(a + i));
    ptx::fence_proxy_async();
    __syncthreads();
    float first[32] = {}, second[32] = {};
    const std::uint64_t at = matrix_descriptor(raw, 16, 1024);
    ptx::wgmma_fence();
    ptx::wgmma_shared<64, bf16>(second, at, at, 1);
    ptx::wgmma_commit();
    ptx::wgmma_shared<64, bf16>(first, at, at, 1);
    ptx::wgmma_commit();
    ptx::wgmma_shared<64, bf16>(first, at, at, 1);
    ptx::wgmma_commit();
    ptx::wgmma_wait<2>();
    store(d + t, second[0]);
    ptx::wgmma_wait<1>();
    store(d + 128 + t, first[0]); // the third group still owns it
    ptx::wgmma_wait<0>();
    store(d + 256 + t, first[0]);
}

TEST_CASE("wgmma: groups are delivered in order, and registers stay NaN while any group into them is under way") {
    for_each_schedule(10, [] {
        const Array<bf16> a(rows * depth);
        const Array<float> d(384);
        fill_with_integers(a, 3);
        run(groups, dim3(1), dim3(128), rows * 128, static_cast<const bf16*>(a.data()), d.data());
        for (std::size_t t = 0; t < 128; ++t) {
            CHECK(!std::isnan(d[t]));
            CHECK(std::isnan(d[128 + t]));
            CHECK(d[256 + t] == 2 * d[t]);
        }
    });
}

template <int planted> __global__ void part_of_a_warpgroup() {
    if (planted == 0 && threadIdx.x < 96) ptx::wgmma_fence(); // three warps
    if (planted == 1) {
        if (threadIdx.x < 64)
            ptx::wgmma_fence(); // two here
        else
            ptx::wgmma_commit(); // two there
    }
}

TEST_CASE("wgmma: a warpgroup of which some are elsewhere, or gone, is caught") {
    for_each_schedule(10, [] {
        const auto gone = fault_of([] { run(part_of_a_warpgroup<0>, dim3(1), dim3(128), 0); });
        REQUIRE(gone.has_value());
        CHECK(gone->kind == FaultKind::warp_divergence);
        CHECK(std::max(gone->first.line, gone->second.line) == line_of(__FILE__, "three warps"));
        check_fault_between(fault_of([] { run(part_of_a_warpgroup<1>, dim3(1), dim3(128), 0); }),
                            FaultKind::warp_divergence, __FILE__, "two here", "two there");
    });
}

} // namespace
} // namespace dra::simt::test
