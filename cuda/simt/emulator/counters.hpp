#pragma once
/// \file
/// What kernels did, counted: exact, and the same whatever the schedule.

#include <cstdint>

namespace dra::simt {

/// Instructions count once per warp unless their text says otherwise. X(name, what it counts).
#define DRA_SIMT_COUNTERS(X)                                                                   \
    X(launches, "kernels launched")                                                            \
    X(blocks, "blocks run")                                                                    \
    X(switches, "switches between fibers; the only one that depends on the schedule")          \
    X(syncthreads, "__syncthreads, once per block")                                            \
    X(named_barriers, "named barriers that completed, once for all their threads")             \
    X(syncwarps, "__syncwarp")                                                                 \
    X(shuffles, "__shfl_*_sync")                                                               \
    X(votes, "__ballot_sync, __any_sync, __all_sync")                                          \
    X(atomics, "atomics, once per thread")                                                     \
    X(loads, "load(), once per thread")                                                        \
    X(load_requests, "load(), once per warp")                                                  \
    X(load_sectors, "distinct 32-byte sectors of those requests")                              \
    X(stores, "store(), once per thread")                                                      \
    X(store_requests, "store(), once per warp")                                                \
    X(store_sectors, "distinct 32-byte sectors of those requests")                             \
    X(shared_loads, "shared_load(), once per thread")                                          \
    X(shared_load_requests, "shared_load(), once per warp")                                    \
    X(shared_load_wavefronts, "passes that they need because of bank conflicts")               \
    X(shared_stores, "shared_store(), once per thread")                                        \
    X(shared_store_requests, "shared_store(), once per warp")                                  \
    X(shared_store_wavefronts, "passes that they need because of bank conflicts")              \
    X(async_copies, "cp.async, once per thread")                                               \
    X(async_copy_requests, "cp.async that read global memory, once per warp")                  \
    X(async_copy_sectors, "distinct 32-byte sectors of those requests")                        \
    X(load_matrices, "ldmatrix.x4")                                                            \
    X(load_matrix_wavefronts, "passes of ldmatrix: 4 per instruction without bank conflicts")  \
    X(store_matrices, "stmatrix.x4")                                                           \
    X(store_matrix_wavefronts, "passes of stmatrix: 4 per instruction without bank conflicts") \
    X(mma_instructions, "mma.sync")                                                            \
    X(wgmma_instructions, "wgmma, once per warpgroup")                                         \
    X(tensor_flops, "floating-point operations of mma and wgmma")                              \
    X(scalar_flops, "what kernels said by count_flops()")                                      \
    X(visible_pairs, "what kernels said by count_pairs()")                                     \
    X(barrier_arrivals, "arrivals at mbarriers, once per thread")                              \
    X(barrier_waits, "waits for mbarriers, once per thread")                                   \
    X(tensor_loads, "boxes loaded by TMA")                                                     \
    X(tensor_stores, "boxes stored by TMA")                                                    \
    X(tensor_bytes, "bytes of those boxes, the zeros outside included")                        \
    X(tensor_sectors, "32-byte sectors of global memory that they touch, row by row")          \
    X(register_changes, "setmaxnreg")                                                          \
    X(copied_bytes, "bytes moved by cudaMemcpy and its kind")

/// All counters.
struct Counters {
#define DRA_SIMT_MEMBER(name, meaning) std::uint64_t name = 0; ///< meaning
    DRA_SIMT_COUNTERS(DRA_SIMT_MEMBER)
#undef DRA_SIMT_MEMBER

    Counters& operator+=(const Counters& other) {
#define DRA_SIMT_ADD(name, meaning) name += other.name;
        DRA_SIMT_COUNTERS(DRA_SIMT_ADD)
#undef DRA_SIMT_ADD
        return *this;
    }

    /// Calls visit(name, value) for each.
    template <class Visit> void for_each(Visit&& visit) const {
#define DRA_SIMT_VISIT(name, meaning) visit(#name, name);
        DRA_SIMT_COUNTERS(DRA_SIMT_VISIT)
#undef DRA_SIMT_VISIT
    }
};

/// The counters of this process, added up over all launches; assign `counters() = {}` to begin again.
Counters& counters();

} // namespace dra::simt
