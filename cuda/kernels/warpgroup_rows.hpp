#pragma once
/// \file
/// A consumer warpgroup's 64 query rows: its registers, its two products, its softmax, its part of the protocol.
///
/// A kernel strings these together; what it adds is the order. Products are only issued here: between issue_scores() or
/// issue_values() and the wait that delivers them, s or o (and the weights) belong to the tensor core, and pin() keeps
/// the compiler from touching them.
///
/// The softmax is that of softmax.hpp with its parts apart, since kernels put other work between them: hide what a row
/// does not see; move the shift m where a maximum is more than 2^8 above it; weigh, p = 2^(c s - c m); correct o. A row
/// that has seen no key yet has m = -inf and weights of 0: blocks of keys come from the last to the first here, and the
/// last may be of later warpgroups alone.

#include "cuda/kernels/fragment.hpp"
#include "cuda/kernels/negate.hpp"
#include "cuda/kernels/output.hpp"
#include "cuda/kernels/pipeline.hpp"
#include "cuda/kernels/softmax.hpp"
#include "cuda/kernels/tasks.hpp"
#include "cuda/simt/matrix_descriptor.hpp"

namespace dra::cuda::DRA_TARGET {

/// What a consumer warpgroup holds, and the parts of its work.
template <class T, class P> struct WarpgroupRows {
    static constexpr int D = P::D, columns = P::keys / 8; ///< channels; 8-column blocks of the scores
    static constexpr unsigned eight_rows = 8 * 128;       ///< bytes of a swizzle atom

    __device__ __forceinline__ WarpgroupRows(PipelineMemory<T, P> memory_, const Tasks<P::tasks>& tasks_,
                                             int* workspace_, int warpgroup_)
        : memory(memory_), tasks(tasks_), parameters(tasks_.common()), workspace(workspace_), warpgroup(warpgroup_),
          c(scale_for_exp2(parameters.softmax_scale)), reach(parameters.causal ? 1 : 1 << 30) {}

    PipelineMemory<T, P> memory;
    const Tasks<P::tasks>& tasks;
    const Parameters& parameters; ///< task 0's, of which only what all tasks share is looked at
    int* workspace;               ///< the launch's workspace
    int warpgroup;                ///< number of the consumer warpgroup
    float c;                      ///< c of softmax.hpp
    int reach;                    ///< row i sees keys below min(i + reach, rows)

    Accumulator<P::keys> s;                             // (64, 128): scores, then weights
    Accumulator<D> o;                                   // (64, D)
    Operand<P::keys> p;                                 // (64, 128): weights, rounded
    std::uint32_t q[P::q_in_registers ? D / 16 : 1][4]; // (64, D)
    float shift[2], sum[2], correction[2];              ///< m, l (of the lane's columns) and alpha of rows i = 0, 1
    int first_row, rows; ///< first row and view's rows, or keys, of the tile whose scores come next

    PipelineState<P::stages> k_state, v_state;    ///< the stages of the next K and of the next V
    PipelineState<P::tiles_announced> tile_state; ///< the slot of that tile

    static __device__ __forceinline__ int thread() { return static_cast<int>(threadIdx.x) % 128; }
    __device__ __forceinline__ int warp_row() const { return first_row + 16 * warp_index(); }
    __device__ __forceinline__ int blocks() const { return key_blocks<P>(first_row, rows, reach == 1); }
    __device__ __forceinline__ int extent(int row) const { return row + reach < rows ? row + reach : rows; }

    // ---- the protocol

    /// Waits for the next tile and its Q. False: there was none.
    __device__ __forceinline__ bool next_tile() {
        ptx::barrier_wait(memory.q_full(warpgroup), tile_state.stage & 1);
        const int4 tile = shared_load(memory.tile(tile_state.stage, warpgroup));
        first_row = tile.x;
        rows = tile.y;
        if (first_row < 0) return false;
        const bool negative = parameters.softmax_scale < 0;
        if constexpr (P::q_in_registers) {
            const std::uint32_t signs = negative ? 0x80008000 : 0;
            const int row = lane_index() & 15;
            const int of_group = ptx::opaque(thread()); // no address is kept from tile to tile
            DRA_UNROLLED for (int i = 0; i < D / 16; ++i) {
                const int chunk = i % 4 * 2 + (lane_index() >> 4);
                ptx::load_matrix_x4(q[i], memory.q(warpgroup) + i / 4 * P::box_rows * 64 +
                                              (of_group / 32 * 16 + row) * 64 + (chunk ^ (row & 7)) * 8);
                DRA_UNROLLED for (int j = 0; j < 4; ++j) q[i][j] ^= signs;
            }
            __syncwarp();
            release_q();
        } else if (negative) {
            negate<P::q_elements, 128>(memory.q(warpgroup), thread());
            ptx::fence_proxy_async(); // wgmma reads through the other proxy
            ptx::named_barrier_sync(negation_barrier + warpgroup, 128);
        }
        return true;
    }

    __device__ __forceinline__ void release_q() {
        if (lane_index() == 0) ptx::barrier_arrive(memory.q_empty(warpgroup));
    }
    /// Releases Q after the last product that reads it from shared memory.
    __device__ __forceinline__ void release_q_in_memory() {
        if constexpr (!P::q_in_registers) release_q();
    }
    __device__ __forceinline__ void release_k() {
        if (thread() == 0) ptx::barrier_arrive(memory.k_empty(k_state.stage));
        k_state.next();
    }
    __device__ __forceinline__ void release_v() {
        if (thread() == 0) ptx::barrier_arrive(memory.v_empty(v_state.stage));
        v_state.next();
    }
    __device__ __forceinline__ void await_k() { ptx::barrier_wait(memory.k_full(k_state.stage), k_state.parity); }
    __device__ __forceinline__ void await_v() { ptx::barrier_wait(memory.v_full(v_state.stage), v_state.parity); }

    // ---- the products

    __device__ __forceinline__ float (&flat_s())[P::keys / 2] { return reinterpret_cast<float(&)[P::keys / 2]>(s); }
    __device__ __forceinline__ float (&flat_o())[D / 2] { return reinterpret_cast<float(&)[D / 2]>(o); }
    __device__ __forceinline__ std::uint64_t k_descriptor() const {
        return ptx::matrix_descriptor(memory.k(k_state.stage), 16, eight_rows);
    }
    __device__ __forceinline__ std::uint64_t v_descriptor() const {
        return ptx::matrix_descriptor(memory.v(v_state.stage), 2 * P::keys * 64, eight_rows);
    }

    /// s = Q K^T: 16 channels per instruction, which are 32 bytes of a row. Descriptors count in 16 bytes.
    __device__ __forceinline__ void issue_scores(std::uint64_t K) {
        ptx::pin(flat_s());
        ptx::wgmma_fence();
        const std::uint64_t Q = ptx::matrix_descriptor(memory.q(warpgroup), 16, eight_rows);
        DRA_UNROLLED for (int i = 0; i < D / 16; ++i) {
            const std::uint64_t of_k = K + static_cast<unsigned>(i / 4 * P::keys * 8 + i % 4 * 2);
            if constexpr (P::q_in_registers)
                ptx::wgmma_registers<P::keys, T>(flat_s(), q[i], of_k, i > 0);
            else
                ptx::wgmma_shared<P::keys, T>(flat_s(), Q + static_cast<unsigned>(i / 4 * P::box_rows * 8 + i % 4 * 2),
                                              of_k, i > 0);
        }
        ptx::wgmma_commit();
    }

    /// o (+)= P V: 16 keys per instruction, which are two swizzle atoms.
    __device__ __forceinline__ void issue_values(std::uint64_t V, bool accumulate) {
        ptx::pin(flat_o());
        ptx::wgmma_fence();
        DRA_UNROLLED for (int i = 0; i < P::keys / 16; ++i)
            ptx::wgmma_registers<D, T, 1>(flat_o(), p[i], V + static_cast<unsigned>(i * 128), i > 0 || accumulate);
        ptx::wgmma_commit();
    }

    // ---- the softmax

    __device__ __forceinline__ void begin_rows() {
        DRA_UNROLLED for (int i = 0; i < 2; ++i) {
            shift[i] = -INFINITY;
            sum[i] = 0;
        }
    }

    /// Whether some row of the warpgroup does not see all of this block; of two views, or the row before it: see
    /// shards.cu.
    __device__ __forceinline__ bool is_edge(int block) const {
        return (block + 1) * P::keys > extent(first_row + warpgroup * P::box_rows - P::two_views);
    }
    __device__ __forceinline__ void hide(int block) {
        const int row = warp_row() + lane_place().row;
        const int seen[2] = {extent(row), extent(row + 8)};
        hide_keys(s, block * P::keys, seen);
    }

    /// Moves m of row i, and l with it; o follows with correct().
    __device__ __forceinline__ void move_shift(int i) {
        constexpr float tolerated = 8;
        float high = s[0][2 * i], other = s[0][2 * i + 1];
        DRA_UNROLLED for (int n = 1; n < columns; ++n) {
            high = fmaxf(high, s[n][2 * i]);
            other = fmaxf(other, s[n][2 * i + 1]);
        }
        high = across_row(fmaxf(high, other), [](float x, float y) { return fmaxf(x, y); });
        const float moved = (high - shift[i]) * c > tolerated ? high : shift[i];
        correction[i] = moved == shift[i] ? 1 : ptx::exp2_approximate((shift[i] - moved) * c);
        shift[i] = moved;
        sum[i] *= correction[i];
    }

    /// Makes weights of the scores of row i in the 8-column blocks [from, to).
    __device__ __forceinline__ void weigh(int i, int from, int to) {
        const float scaled = shift[i] == -INFINITY ? 0 : shift[i] * c;
        DRA_UNROLLED for (int n = 0; n < columns; ++n) DRA_UNROLLED for (int e = 0; e < 2; ++e) {
            if (n < from || n >= to) continue;
            float& x = s[n][2 * i + e];
            x = ptx::exp2_approximate(ptx::product_less(x, c, scaled));
            sum[i] += x;
        }
    }
    __device__ __forceinline__ void round_weights() { round_to_operand<T>(s, p); }

    __device__ __forceinline__ void correct() {
        if (!__any_sync(~0u, correction[0] != 1 || correction[1] != 1)) return;
        DRA_UNROLLED for (int n = 0; n < D / 8; ++n) DRA_UNROLLED for (int e = 0; e < 4; ++e) o[n][e] *=
            correction[e / 2];
    }

    /// Tells the emulator's counters of the pairs in this block.
    __device__ __forceinline__ void count(int block) const {
        count_visible<16, P::keys>(*this, warp_row(), block * P::keys,
                                   end_of_rows(memory.tile(tile_state.stage, warpgroup), rows));
    }

    // ---- the end of a tile

    /// Where the queries' numbers end, for the tile in this slot, which says `rows`.
    static __device__ __forceinline__ int end_of_rows(const int4* slot, int rows) {
        return P::two_views ? shared_load(slot + 1).z : rows;
    }

    /// What the stores of output.hpp ask of a view, for the tile in this slot.
    __device__ __forceinline__ View<T> view_of_tile(const int4& tile, const Parameters& of_task) const {
        View<T> view{};
        view.rows = tile.y;
        view.head_dim = of_task.head_dim;
        view.q.stride = static_cast<long long>(of_task.dilation_rate) * of_task.heads * of_task.head_dim;
        view.q_at = static_cast<long long>(static_cast<unsigned>(tile.z)) * of_task.head_dim;
        view.lse = of_task.lse + static_cast<unsigned>(tile.w);
        view.lse_stride = of_task.dilation_rate;
        return view;
    }
};

/// Divides, and writes out and lse of a tile, fragment by fragment.
template <class T, class P> __device__ __forceinline__ void
store_by_fragments(WarpgroupRows<T, P>& rows, const int4* slot, const float (&shift)[2], const float (&sum)[2]) {
    float lse[2];
    DRA_UNROLLED for (int i = 0; i < 2; ++i) {
        const float total = across_row(sum[i], [](float x, float y) { return x + y; });
        const float inverse = 1 / total;
        DRA_UNROLLED for (int n = 0; n < P::D / 8; ++n) {
            rows.o[n][2 * i] *= inverse;
            rows.o[n][2 * i + 1] *= inverse;
        }
        lse[i] = shift[i] * fabsf(rows.parameters.softmax_scale) + __logf(total);
    }
    const int4 tile = shared_load(slot);
    const Parameters& parameters = rows.tasks.at(shared_load(slot + 1).y).parameters;
    const View<T> view = rows.view_of_tile(tile, parameters);
    const int warp_row = tile.x + 16 * warp_index();
    store_fragments(view, {parameters.out, rows.tasks.float_out}, warp_row, rows.o);
    store_lse(view, warp_row, lse);
}

} // namespace dra::cuda::DRA_TARGET
