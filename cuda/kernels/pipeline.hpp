#pragma once
/// \file
/// A persistent block of several roles: a producer's warpgroup, two or three consumer warpgroups, and the memory
/// between them.
///
/// A block stays on its multiprocessor and takes one query tile after the other. A tile has 64 rows per consumer
/// warpgroup; the warpgroups share every tile of K and V, so that a key is fetched once for 128 rows or 192.
///
///     consumer warpgroups    registers per thread: at launch    producer's warpgroup    consumers
///     2                      168                                56                      224
///     3                      128                                32                      160
///
/// Three keep the exps busy that D = 64 asks for, and leave no registers for D = 128. A tile of 192 rows wastes more
/// under a causal mask and past the last row, and where rows are few that is more than the third warpgroup gains:
/// takes_three_warpgroups() has the rule.
///
/// Blocks of keys come from the last one to the first: the last ones are those under the causal mask and past the end
/// of the view, so a tile begins with what needs care. Stages are used in a circle (pipeline_state.hpp).

#include "cuda/kernels/element.hpp"
#include "cuda/kernels/parked.hpp"
#include "cuda/kernels/pipeline_state.hpp"

#include <cstddef>
#include <type_traits>

namespace dra::cuda::DRA_TARGET {

/// The next query tile, as the producer tells a consumer warpgroup about it: twice 16 bytes.
struct QueryTile {
    int first_row;    ///< the tile's first row of the view; below 0: there is no more work
    int rows;         ///< the number of rows that the view has; of two views, the number of keys
    unsigned out_row; ///< row of out, counted over [B, N, H], where the view's row 0 lies
    unsigned lse_row; ///< element of lse where the view's row 0 lies
    int ticket;       ///< the ticket that named the tile
    int task;         ///< the task that the tile belongs to
    int end;          ///< of two views: where the queries' numbers end
    int unused;       ///< what fills the 32 bytes
};

/// A box that the copiers copy for the producer.
struct CopyOrder {
    enum Kind { q, k, v, none };
    int kind_and_task; ///< kind + 4 task; none: there are no more orders
    int place;         ///< the warpgroup whose Q it is, or the stage
    unsigned row;      ///< the box's row 0, counted over [B, N, H] or [B, N, Hkv]
    int rows;          ///< the number of rows that the view has from there on; the others become zero
};

/// The warps of the producer's warpgroup without the producer's own and the dispatcher's.
constexpr int copier_warps = 2;

/// Where a view lies in the tensor maps, and how many of its rows whole boxes can give. A position's row in the map and
/// `phase and head` also say where it lies in memory: ((batch N + row r) heads + phase_and_head) D.
struct alignas(16) Source {
    static constexpr int no_tile_follows = -1; ///< a first_row that says: the tickets, or the list, are used up
    static constexpr int over = -2;            ///< a first_row that says: no tile follows at all
    int first_row;                             ///< the tile's first row of the view
    int rows, boxed_rows;                      ///< the numbers of rows that the view has, and that boxes may reach into
    int q_phase_and_head, kv_phase_and_head, row, segment, batch; ///< coordinates of row 0 in the maps
    unsigned q_row, kv_row; ///< where the view's row 0 lies, counted over [B, N, H] or [B, N, Hkv]
    unsigned lse_row;       ///< as in QueryTile, like the next two
    int ticket, task;
};

/// The same of two views: what Source says is of the queries, by their numbers, and what of it is not the keys' own
/// follows.
struct ShardSource : Source {
    int keys, boxed_keys; ///< as rows and boxed_rows
    int key_row;          ///< as row
};

/// Numbers of named barriers; 0 is the whole block's.
enum NamedBarrier {
    copiers_barrier = 1,  ///< where the copiers meet
    turn_barrier = 2,     ///< where consumer warpgroup 0 waits for its turn; the next two numbers are the others'
    negation_barrier = 5, ///< where consumer warpgroup 0 meets after negating Q; the next two numbers are the others'
};

/// The sizes that a kernel chooses. D is 64 or 128; channels past the view's own are zero.
template <int D_, int WARPGROUPS, int STAGES, bool Q_IN_REGISTERS, int TASKS = 1, bool TWO_VIEWS = false>
struct Pipeline {
    static constexpr int tasks = TASKS;          ///< patterns per launch, at most
    static constexpr bool two_views = TWO_VIEWS; ///< queries and keys are of other tokens
    using SourceOfTile = std::conditional_t<TWO_VIEWS, ShardSource, Source>;
    static constexpr int D = D_, stages = STAGES, keys = 128;
    static constexpr bool q_in_registers = Q_IN_REGISTERS;
    static constexpr int warpgroups = WARPGROUPS; ///< consumer warpgroups
    static constexpr int consumer_registers = warpgroups == 2 ? 224 : 160,
                         producer_registers = warpgroups == 2 ? 56 : 32;
    static constexpr int box_rows = 64, rows = box_rows * warpgroups;
    static constexpr int threads = 128 * (warpgroups + 1); ///< the producer's warpgroup is the last

    static constexpr int halves = D / 64; ///< a tile is so many (rows, 64), each 128-byte swizzled
    static constexpr int q_elements = box_rows * D, kv_elements = keys * D;
    /// One that is computed, one whose first scores are, one that waits. An even number, so that the slot says the
    /// parity of Q's lap.
    static constexpr int tiles_announced = 4;
    static constexpr int orders = 1; ///< orders that wait; another one is worked on
    static constexpr std::size_t matrix_bytes = 2 * (warpgroups * q_elements + 2 * stages * kv_elements);
    static constexpr int barriers = 2 * warpgroups + 4 * stages + 2 * orders + 3;
    static constexpr std::size_t tile_bytes = sizeof(QueryTile) * tiles_announced * warpgroups;
    static constexpr std::size_t order_bytes = orders * sizeof(CopyOrder);
    static constexpr std::size_t source_at = matrix_bytes + tile_bytes + order_bytes,
                                 barriers_at = source_at + sizeof(SourceOfTile),
                                 words_at = barriers_at + sizeof(std::uint64_t) * barriers;
    static constexpr std::size_t shared_bytes = words_at + sizeof(int) * (1 + copier_warps);
};

/// The sizes of the kernels from balanced on: more stages, and Q in registers where there is room.
template <int D, int WARPGROUPS, int TASKS, bool TWO_VIEWS = false> using BalancedTasks =
    Pipeline<D, WARPGROUPS, D == 128 ? 3 : 4, WARPGROUPS == 2, TASKS, TWO_VIEWS>;
template <int D, int WARPGROUPS> using Balanced = BalancedTasks<D, WARPGROUPS, 1>;
template <int D, int WARPGROUPS> using BalancedShards = BalancedTasks<D, WARPGROUPS, 1, true>;

/// Where things lie in shared memory. Matrices begin on 1024-byte boundaries, since the swizzle goes by address.
template <class T, class P> struct PipelineMemory {
    unsigned char* base;

    __device__ __forceinline__ T* matrix(int element) const { return reinterpret_cast<T*>(base) + element; }
    __device__ __forceinline__ T* q(int warpgroup) const { return matrix(warpgroup * P::q_elements); } // (64, D)
    __device__ __forceinline__ T* k(int stage) const {                                                 // (128, D)
        return matrix(P::warpgroups * P::q_elements + stage * P::kv_elements);
    }
    __device__ __forceinline__ T* v(int stage) const { return k(P::stages + stage); } // (128, D)

    __device__ __forceinline__ int4* tile(int slot, int warpgroup) const {
        return reinterpret_cast<int4*>(base + P::matrix_bytes) + 2 * (slot * P::warpgroups + warpgroup);
    }

    __device__ __forceinline__ int4* order(int slot) const {
        return reinterpret_cast<int4*>(base + P::matrix_bytes + P::tile_bytes) + slot;
    }

    /// What the dispatcher says; the producer has no registers to keep it in. There is one: it is fed while the next
    /// one waits with the dispatcher. More would be drawn too early, and blocks end together less.
    __device__ __forceinline__ auto source() const { return Parked<typename P::SourceOfTile>(base + P::source_at); }

    __device__ __forceinline__ std::uint64_t* barrier(int i) const {
        return reinterpret_cast<std::uint64_t*>(base + P::barriers_at) + i;
    }
    __device__ __forceinline__ std::uint64_t* q_full(int warpgroup) const { return barrier(warpgroup); }
    __device__ __forceinline__ std::uint64_t* q_empty(int warpgroup) const {
        return barrier(P::warpgroups + warpgroup);
    }
    __device__ __forceinline__ std::uint64_t* of_stage(int kind, int stage) const {
        return barrier(2 * P::warpgroups + kind * P::stages + stage);
    }
    __device__ __forceinline__ std::uint64_t* k_full(int stage) const { return of_stage(0, stage); }
    __device__ __forceinline__ std::uint64_t* k_empty(int stage) const { return of_stage(1, stage); }
    __device__ __forceinline__ std::uint64_t* v_full(int stage) const { return of_stage(2, stage); }
    __device__ __forceinline__ std::uint64_t* v_empty(int stage) const { return of_stage(3, stage); }

    __device__ __forceinline__ std::uint64_t* order_full(int slot) const { return of_stage(4, 0) + slot; }
    __device__ __forceinline__ std::uint64_t* order_empty(int slot) const { return of_stage(4, 0) + P::orders + slot; }

    /// The barrier that says: every consumer warp has done its last tile.
    __device__ __forceinline__ std::uint64_t* done() const { return of_stage(4, 0) + 2 * P::orders; }

    __device__ __forceinline__ std::uint64_t* source_full() const { return done() + 1; }
    __device__ __forceinline__ std::uint64_t* source_empty() const { return done() + 2; }

    /// The first ticket of the list of tiles to do again, or -1.
    __device__ __forceinline__ int* again() const { return reinterpret_cast<int*>(base + P::words_at); }
    /// The token that a copiers' warp clears next: see row_clearing.hpp.
    __device__ __forceinline__ int* token_to_clear(int warp) const { return again() + 1 + warp; }

    /// Initialises barriers and words: by one thread, and the block must meet before anybody uses them.
    __device__ __forceinline__ void begin() const {
        for (int i = 0; i < P::warpgroups; ++i) {
            ptx::barrier_init(q_full(i), 1);
            ptx::barrier_init(q_empty(i), 4); // its warps
        }
        for (int i = 0; i < P::stages; ++i) {
            ptx::barrier_init(k_full(i), 1);
            ptx::barrier_init(v_full(i), 1);
            ptx::barrier_init(k_empty(i), P::warpgroups);
            ptx::barrier_init(v_empty(i), P::warpgroups);
        }
        for (int i = 0; i < P::orders; ++i) {
            ptx::barrier_init(order_full(i), 1);
            ptx::barrier_init(order_empty(i), 32 * copier_warps);
        }
        ptx::barrier_init(source_full(), 1);
        ptx::barrier_init(source_empty(), 1);
        ptx::barrier_init(done(), 4 * P::warpgroups);
        shared_store(again(), -1);
        for (int i = 0; i < copier_warps; ++i)
            shared_store(token_to_clear(i), 32 * (static_cast<int>(blockIdx.x) * copier_warps + i));
        ptx::barrier_fence_init();
    }
};

/// The number of key blocks that a query tile needs.
template <class P> __device__ __forceinline__ int key_blocks(int first_row, int rows, bool causal) {
    const int last = first_row + P::rows < rows ? first_row + P::rows : rows;
    return ((causal ? last : rows) + P::keys - 1) / P::keys;
}

} // namespace dra::cuda::DRA_TARGET
