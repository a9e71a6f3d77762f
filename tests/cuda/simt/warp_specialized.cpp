/// \file
/// The kernel that this emulator is for: a producer thread feeds a ring of stages by TMA, consumer warpgroups multiply
/// by wgmma. Correct it is never accused; every bug planted in it is caught.

#include "tests/cuda/simt/emulated.hpp"

namespace dra::simt::test {
namespace {

enum class Bug { none, no_wait_for_free_stage, short_expect, read_before_wait, released_early };

constexpr int keys = 64, head_dim = 64, rows = 64, stages = 2, tiles = 7;
constexpr unsigned tile_bytes = keys * head_dim * 2;
constexpr std::size_t barriers_at = rows * 128 + stages * tile_bytes, shared_bytes = barriers_at + 64;

/// out (64, 64) = sum over the tiles K (64, 64) of q (64, 64) K^T.
template <Bug bug>
__global__ void sum_of_products(const __grid_constant__ TensorMap q, const __grid_constant__ TensorMap k, float* out) {
    DRA_SHARED_MEMORY(raw);
    unsigned char *sq = raw, *sk = raw + rows * 128;
    auto* q_here = reinterpret_cast<std::uint64_t*>(raw + barriers_at);
    std::uint64_t *full = q_here + 1, *empty = full + stages;
    if (threadIdx.x == 0) {
        ptx::barrier_init(q_here, 1);
        for (int i = 0; i < stages; ++i) {
            ptx::barrier_init(full + i, 1);  // full
            ptx::barrier_init(empty + i, 1); // empty
        }
        ptx::barrier_fence_init();
    }
    __syncthreads();
    if (threadIdx.x < 128) {
        ptx::registers_decrease<40>();
        if (threadIdx.x != 0) return;
        const int origin[2] = {0, 0};
        ptx::barrier_arrive_expect(q_here, rows * 128);
        ptx::tensor_load(sq, &q, q_here, origin);
        for (int t = 0; t < tiles; ++t) {
            const int stage = t % stages, at[2] = {0, t * keys};
            if (bug != Bug::no_wait_for_free_stage)
                ptx::barrier_wait(empty + stage, static_cast<unsigned>(t / stages % 2) ^ 1); // producer waits
            ptx::barrier_arrive_expect(full + stage, bug == Bug::short_expect ? tile_bytes / 2 : tile_bytes); // expects
            ptx::tensor_load(sk + static_cast<unsigned>(stage) * tile_bytes, &k, full + stage, at);
        }
        return;
    }
    ptx::registers_increase<232>();
    const int me = static_cast<int>(threadIdx.x % 128), lane = me % 32;
    float sum[head_dim / 2] = {}, s[keys / 2];
    ptx::barrier_wait(q_here, 0);
    for (int t = 0; t < tiles; ++t) {
        const int stage = t % stages;
        const unsigned char* tile = sk + static_cast<unsigned>(stage) * tile_bytes;
        ptx::barrier_wait(full + stage, static_cast<unsigned>(t / stages % 2)); // consumers wait
        ptx::wgmma_fence();
        for (int i = 0; i < head_dim / 16; ++i)
            ptx::wgmma_shared<keys, bf16>(s, matrix_descriptor(sq + i * 32, 16, 1024),
                                          matrix_descriptor(tile + i * 32, 16, 1024), i > 0);
        ptx::wgmma_commit();
        if (bug == Bug::released_early && me == 0) ptx::barrier_arrive(empty + stage);
        if (bug == Bug::released_early) ptx::named_barrier_sync(1, 128); // others work on meanwhile
        if (bug == Bug::read_before_wait)
            for (int i = 0; i < keys / 2; ++i) sum[i] += s[i];
        ptx::wgmma_wait<0>();
        if (bug != Bug::released_early && me == 0) ptx::barrier_arrive(empty + stage);
        if (bug != Bug::read_before_wait)
            for (int i = 0; i < keys / 2; ++i) sum[i] += s[i];
    }
    for (int i = 0; i < keys / 2; ++i)
        store(out + (me / 32 * 16 + lane / 4 + i / 2 % 2 * 8) * keys + i / 4 * 8 + lane % 4 * 2 + i % 2, sum[i]);
}

struct Outcome {
    std::optional<Fault::Report> fault;
    int wrong = 0, nan = 0; ///< elements
};

template <Bug bug> Outcome play() {
    const Array<bf16> q(rows * head_dim), k(tiles * keys * head_dim);
    const Array<float> out(rows * keys);
    fill_with_integers(q, 1);
    fill_with_integers(k, 2);
    const std::uint64_t q_sizes[2] = {head_dim, rows}, k_sizes[2] = {head_dim, tiles * keys}, strides[1] = {128};
    const std::uint32_t box[2] = {head_dim, keys};
    Outcome outcome;
    outcome.fault = fault_of([&] {
        run(sum_of_products<bug>, dim3(1), dim3(256), shared_bytes,
            make_tensor_map(DType::bf16, q.data(), 2, q_sizes, strides, box, true),
            make_tensor_map(DType::bf16, k.data(), 2, k_sizes, strides, box, true), out.data());
    });
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < keys; ++j) {
            float sum = 0;
            for (std::size_t t = 0; t < tiles; ++t)
                for (std::size_t d = 0; d < head_dim; ++d)
                    sum += widen(q[i * head_dim + d]) * widen(k[(t * keys + j) * head_dim + d]);
            outcome.wrong += out[i * keys + j] != sum;
            outcome.nan += std::isnan(out[i * keys + j]);
        }
    return outcome;
}

TEST_CASE("warp-specialized: the correct kernel is right and never accused") {
    for_each_schedule(100, [] {
        const Outcome outcome = play<Bug::none>();
        CHECK_FALSE(outcome.fault);
        CHECK(outcome.wrong == 0);
    });
}

TEST_CASE("warp-specialized: a producer that does not wait for a free stage arrives too often") {
    for_each_schedule(30, [] {
        check_fault(play<Bug::no_wait_for_free_stage>().fault, FaultKind::too_many_arrivals, __FILE__, "expects",
                    "full");
    });
}

TEST_CASE("warp-specialized: an expect_tx that is short is a deadlock, whose report shows the bytes") {
    for_each_schedule(30, [] {
        const auto fault = play<Bug::short_expect>().fault;
        check_fault(fault, FaultKind::deadlock, __FILE__, "producer waits", "consumers wait");
        CHECK(fault->words.find("-4096 bytes to come (more came than were expected)") != std::string::npos);
        CHECK(fault->words.find("128 threads from thread 128 on wait in barrier_wait") != std::string::npos);
    });
}

TEST_CASE("warp-specialized: sums read before the wgmma wait are NaN") {
    for_each_schedule(30, [] { CHECK(play<Bug::read_before_wait>().nan == rows * keys); });
}

TEST_CASE("warp-specialized: a stage that is released before wgmma has read it gives NaN or wrong sums") {
    int seen = 0;
    for_each_schedule(98, [&] {
        const Outcome outcome = play<Bug::released_early>();
        CHECK_FALSE(outcome.fault);
        seen += outcome.wrong > 0;
    });
    MESSAGE("seen under " << seen << " of 100 schedules");
    CHECK(seen >= 50);
}

} // namespace
} // namespace dra::simt::test
