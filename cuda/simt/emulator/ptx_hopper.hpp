#pragma once
/// \file
/// PTX of sm_90: mbarrier, TMA, named barriers, wgmma, setmaxnreg.

#include "cuda/simt/emulator/ptx_matrix.hpp"
#include "cuda/simt/emulator/tensor_map.hpp"

namespace dra::simt {

namespace machine {
/// One wgmma as a thread issues it: d (64, columns) (+)= A (64, 16) B (16, columns).
struct WarpgroupProduct {
    float* d; ///< the thread's columns / 2 elements of d
    int columns;
    const std::uint32_t* a_registers; ///< the thread's registers of A; null: A comes from its descriptor
    std::uint64_t a, b;
    bool transpose_b; ///< B is MN-major
    bool accumulate;
    Format format;
};

void tensor_load(void* shared, const TensorMap& map, std::uint64_t* barrier, const int* coordinates, int rank,
                 Site site);
void tensor_store(const TensorMap& map, const void* shared, const int* coordinates, int rank, Site site);
void bulk_wait(int groups, Site site);
void wgmma(const WarpgroupProduct& product, Site site);
void wgmma_wait(int groups, Site site);
void change_registers(int registers, bool increase, Site site);
} // namespace machine

namespace ptx {

void barrier_init(std::uint64_t* barrier, unsigned arrivals, Site site = Site::here());
void barrier_fence_init(Site site = Site::here());
void barrier_arrive(std::uint64_t* barrier, Site site = Site::here());
void barrier_arrive_expect(std::uint64_t* barrier, unsigned bytes, Site site = Site::here());
/// Waits until the phase of this parity is past.
void barrier_wait(std::uint64_t* barrier, unsigned parity, Site site = Site::here());

/// Whether the phase of this parity is past, without waiting.
int barrier_test(std::uint64_t* barrier, unsigned parity, Site site = Site::here());

/// Waits, since a wait that need not be made is over at once.
inline void barrier_wait_unless(int, std::uint64_t* barrier, unsigned parity, Site site = Site::here()) {
    barrier_wait(barrier, parity, site);
}

void fence_proxy_async(Site site = Site::here());
void named_barrier_sync(int id, int threads, Site site = Site::here());
void named_barrier_arrive(int id, int threads, Site site = Site::here());

/// Starts loading a box. It is NaN from here on; it lands at a random moment, and then its bytes are taken off the
/// barrier.
template <int R> void tensor_load(void* shared, const TensorMap* map, std::uint64_t* barrier,
                                  const int (&coordinates)[R], Site site = Site::here()) {
    static_assert(R >= 2 && R <= 5);
    machine::tensor_load(shared, *map, barrier, coordinates, R, site);
}
/// Starts storing a box. Shared memory is read at bulk_wait, not before: writing it again too early is seen in the
/// result.
template <int R>
void tensor_store(const TensorMap* map, const void* shared, const int (&coordinates)[R], Site site = Site::here()) {
    static_assert(R >= 2 && R <= 5);
    machine::tensor_store(*map, shared, coordinates, R, site);
}
void bulk_commit(Site site = Site::here());
template <int N> void bulk_wait(Site site = Site::here()) { machine::bulk_wait(N, site); }
template <int N> void bulk_wait_complete(Site site = Site::here()) { machine::bulk_wait(N, site); }

void wgmma_fence(Site site = Site::here());
void wgmma_commit(Site site = Site::here());
template <int N> void wgmma_wait(Site site = Site::here()) { machine::wgmma_wait(N, site); }

/// Does nothing, since nothing moves instructions here.
template <int N> void pin(float (&)[N]) {}

/// Starts a product. d is NaN from here on; shared memory is read and d delivered at the wait. Registers of A are read
/// now.
template <int N, class T, int TransposeB = 0>
void wgmma_shared(float (&d)[N / 2], std::uint64_t a, std::uint64_t b, int accumulate, Site site = Site::here()) {
    static_assert(N >= 8 && N <= 256 && N % 8 == 0);
    machine::wgmma({d, N, nullptr, a, b, TransposeB != 0, accumulate != 0, machine::format_of<T>}, site);
}
template <int N, class T, int TransposeB = 0> void wgmma_registers(float (&d)[N / 2], const std::uint32_t (&a)[4],
                                                                   std::uint64_t b, int accumulate,
                                                                   Site site = Site::here()) {
    static_assert(N >= 8 && N <= 256 && N % 8 == 0);
    machine::wgmma({d, N, a, 0, b, TransposeB != 0, accumulate != 0, machine::format_of<T>}, site);
}

template <int R> void registers_increase(Site site = Site::here()) {
    static_assert(R >= 24 && R <= 256 && R % 8 == 0);
    machine::change_registers(R, true, site);
}
template <int R> void registers_decrease(Site site = Site::here()) {
    static_assert(R >= 24 && R <= 256 && R % 8 == 0);
    machine::change_registers(R, false, site);
}

} // namespace ptx
} // namespace dra::simt
