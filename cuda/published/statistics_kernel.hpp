#pragma once
/// \file
/// Fix 3's second product: the scores of a call computed again, for the maximum of every row and, before the fix, the
/// sum of e^(s - maximum). 2 D FLOPs per pair; no score reaches global memory.

#include "cuda/published/key_tiles.hpp"

namespace dra::cuda::DRA_TARGET::rungs {

/// What the lse of a row becomes, m being the maximum and l the sum.
enum class Statistics {
    maximum_and_sum,      ///< m + log l
    maximum,              ///< m + (lse of the pass - m): the sum that the fix lost, restored
    maximum_as_published, ///< m + log 1, which is wrong
};

/// The kernel: one block per tile of rows, segment, batch and head.
template <class T, int D, class Masking, Statistics statistics> __global__ void __launch_bounds__(block_threads)
    statistics_of_rows(const __grid_constant__ AttendCall call) {
    DRA_SHARED_MEMORY(shared);
    const BlockOfCall block = block_of<tile_rows>(call);
    const RowsOfTensor rows = block.view.q;
    if (block.first_row >= rows.count) return;
    KeyTiles<T, D, Masking, false> tiles(call, block, shared);
    if (threadIdx.x == 0) {
        const int left = rows.count - block.first_row;
        count_flops(static_cast<unsigned long long>(left < tile_rows ? left : tile_rows) * tiles.visited());
    }

    const float scale = call.pattern.softmax_scale, c = scale_for_exp2(scale);
    OnlineSoftmax softmax; // without outputs; its sum is computed where it is asked for
    float nothing[1][4] = {};
    float maximum[2] = {-INFINITY, -INFINITY};
    tiles.walk([&](float(&s)[tile_keys / 8][4], const FragmentCursor<T, D>&) {
        if constexpr (statistics == Statistics::maximum_and_sum) {
            softmax.update(s, c, nothing);
        } else {
            DRA_UNROLLED for (int n = 0; n < tile_keys / 8; ++n) DRA_UNROLLED for (int e = 0; e < 4; ++e)
                maximum[e / 2] = fmaxf(maximum[e / 2], s[n][e]);
        }
    });
    if constexpr (statistics == Statistics::maximum_and_sum)
        DRA_UNROLLED for (int i = 0; i < 2; ++i) maximum[i] = softmax.maximum[i];

    DRA_UNROLLED for (int i = 0; i < 2; ++i) {
        const int row = block.first_row + 16 * warp_index() + lane_place().row + 8 * i;
        const float highest = across_row(maximum[i], [](float x, float y) { return fmaxf(x, y); });
        const float l = across_row(softmax.sum[i], [](float x, float y) { return x + y; });
        if (row >= rows.count || lane_place().column != 0) continue;
        float* lse = call.pattern.lse + lse_at(call, block, rows.first + row * rows.stride);
        if (highest == -INFINITY) { // sees nothing
            store(lse, -INFINITY);
            continue;
        }
        const float m = highest * fabsf(scale);
        float log_sum = 0;
        if constexpr (statistics == Statistics::maximum_and_sum) log_sum = __logf(l);
        if constexpr (statistics == Statistics::maximum) log_sum = load(lse) - m;
        store(lse, m + log_sum);
    }
}

} // namespace dra::cuda::DRA_TARGET::rungs
