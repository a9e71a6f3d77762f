#pragma once
/// \file
/// The one attention kernel of all rungs: dense attention on the views of a call, tensor cores, online softmax, lse.
///
/// What a fix is about is a template argument, and nothing else differs: who sees whom (Masking, fix 1), and what
/// becomes of a row that was computed (CombineRule, fix 4). 4 D FLOPs per pair (row, key) that is visited, repeats
/// included.

#include "cuda/published/combine.hpp"
#include "cuda/published/key_tiles.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// Combines the lane's two rows with what out and lse have there.
template <class CombineRule, int D> __device__ __forceinline__ void
combine_rows(const AttendCall& call, const BlockOfCall& block, const float (&o)[D / 8][4], const float (&lse)[2]) {
    const Parameters& p = call.pattern;
    const RowsOfTensor rows = block.view.q;
    DRA_UNROLLED for (int i = 0; i < 2; ++i) {
        const int row = block.first_row + 16 * warp_index() + lane_place().row + 8 * i,
                  token = rows.first + row * rows.stride;
        const bool there = row < rows.count;
        float* out =
            static_cast<float*>(p.out) + row_at(p, block.batch, call.queries.size(), token, p.heads, block.head);
        float* lse_of_row = p.lse + lse_at(call, block, token);
        CombineWeights w = CombineRule::weights(CombineRule::reads && there ? load(lse_of_row) : -INFINITY, lse[i]);
        __syncwarp(); // all four lanes of a row have read its lse before one of them writes it
        if (!there) continue;
        DRA_UNROLLED for (int n = 0; n < D / 8; ++n) {
            const int column = 8 * n + lane_place().column;
            if (column >= p.head_dim) continue;
            float2* at = reinterpret_cast<float2*>(out + column);
            float2 x = make_float2(w.b * o[n][2 * i], w.b * o[n][2 * i + 1]);
            if constexpr (CombineRule::reads) {
                const float2 had = load(at);
                x.x += w.a * had.x;
                x.y += w.a * had.y;
            }
            store(at, x);
        }
        if (lane_place().column == 0) store(lse_of_row, w.lse);
    }
}

/// The kernel: one block per tile of rows, segment, batch and head.
template <class T, int D, class Masking, class CombineRule> __global__ void __launch_bounds__(block_threads)
    attend_rows(const __grid_constant__ AttendCall call) {
    DRA_SHARED_MEMORY(shared);
    const BlockOfCall block = block_of<tile_rows>(call);
    if (block.first_row >= block.view.q.count) return;
    KeyTiles<T, D, Masking, true> tiles(call, block, shared);
    if (threadIdx.x == 0) {
        const int left = block.view.q.count - block.first_row;
        count_pairs(static_cast<unsigned long long>(left < tile_rows ? left : tile_rows) * tiles.visited());
    }

    const float scale = call.pattern.softmax_scale, c = scale_for_exp2(scale);
    OnlineSoftmax softmax;
    float o[1][D / 8][4], lse[2];
    set_to_zero(o[0]);
    tiles.walk([&](float(&s)[tile_keys / 8][4], const FragmentCursor<T, D>& V) {
        std::uint32_t weights[1][tile_keys / 16][4];
        softmax.update(s, c, o[0]);
        round_to_operand<T>(s, weights[0]);
        multiply_values(o, weights, V);
    });
    softmax.finish(scale, o[0], lse);
    DRA_UNROLLED for (int i = 0; i < 2; ++i) { // a row that saw nothing has computed with -inf - -inf
        if (softmax.maximum[i] != -INFINITY) continue;
        lse[i] = -INFINITY;
        DRA_UNROLLED for (int n = 0; n < D / 8; ++n) o[0][n][2 * i] = o[0][n][2 * i + 1] = 0;
    }
    combine_rows<CombineRule, D>(call, block, o[0], lse);
}

} // namespace dra::cuda::DRA_TARGET::rungs
