#pragma once
/// \file
/// Online softmax of a warp's 16 rows: the maximum and the sum of what has been seen, corrected as more comes.
///
/// For a tile of scores s (of keys not seen before), with c = scale log2(e) and everything in powers of two:
///
///     m' = max(m, max s),   alpha = 2^(c m - c m'),   p = 2^(c s - c m'),   l' = alpha l + sum p,   O' = alpha O + P V
///
/// and at the end out = O / l, lse = scale m + log l. m stays unscaled, so that c s - c m' is one multiply-add. That
/// needs c > 0: a negative scale is taken into Q by its sign (exact), and 0 becomes the smallest normal number, whose
/// products with any score are as good as 0 but with -inf are not NaN.
///
/// A row must see a key in its first tile. Then m' is finite whenever it is subtracted; every row of a view sees key 0,
/// and tiles come in ascending order. The sum is a lane's own, of its columns, until finish() adds the four lanes of a
/// row.

#include "cuda/kernels/fragment.hpp"

#include <cfloat>
#include <cmath>

namespace dra::cuda::DRA_TARGET {

/// c of the equations above.
__device__ __forceinline__ float scale_for_exp2(float scale) {
    constexpr float log2_e = 1.4426950408889634f;
    return fmaxf(fabsf(scale) * log2_e, FLT_MIN);
}

/// Hides the keys that a row does not see: column 8 n + t + e of the tile is key first_key + column.
template <int N> __device__ __forceinline__ void hide_keys(float (&s)[N][4], int first_key, const int (&extent)[2]) {
    const int column = first_key + lane_place().column;
    DRA_UNROLLED for (int n = 0; n < N; ++n)
        DRA_UNROLLED for (int e = 0; e < 4; ++e) if (column + 8 * n + e % 2 >= extent[e / 2]) s[n][e] = -INFINITY;
}

/// The state of the lane's two rows, i = 0, 1.
struct OnlineSoftmax {
    float maximum[2] = {-INFINITY, -INFINITY}; ///< m, a maximum of what came before; see update()
    float sum[2] = {0, 0};                     ///< l, the sum of the weights in the lane's columns

    /// Takes in a tile of scores, which become weights p; the outputs so far are corrected by alpha where needed.
    ///
    /// m serves only to keep p in range, and any m near the maximum does: it is moved, and O corrected, only when a
    /// row's maximum is more than 2^8 above it. p is then at most 2^8 and as exact as ever, and for most tiles D / 2
    /// multiplications per lane are saved. The first tile always moves it.
    template <int N, int DN> __device__ __forceinline__ void update(float (&s)[N][4], float c, float (&o)[DN][4]) {
        constexpr float tolerated = 8;
        float highest[2];
        bool moves = false;
        DRA_UNROLLED for (int i = 0; i < 2; ++i) {
            highest[i] = maximum[i];
            DRA_UNROLLED for (int n = 0; n < N; ++n) highest[i] =
                fmaxf(highest[i], fmaxf(s[n][2 * i], s[n][2 * i + 1]));
            highest[i] = across_row(highest[i], [](float x, float y) { return fmaxf(x, y); });
            moves = moves || (highest[i] - maximum[i]) * c > tolerated;
        }
        if (__any_sync(~0u, moves)) {
            DRA_UNROLLED for (int i = 0; i < 2; ++i) {
                const float alpha = ptx::exp2_approximate((maximum[i] - highest[i]) * c);
                maximum[i] = highest[i];
                sum[i] *= alpha;
                DRA_UNROLLED for (int n = 0; n < DN; ++n) {
                    o[n][2 * i] *= alpha;
                    o[n][2 * i + 1] *= alpha;
                }
            }
        }
        const float shift[2] = {maximum[0] * c, maximum[1] * c};
        DRA_UNROLLED for (int n = 0; n < N; ++n) DRA_UNROLLED for (int e = 0; e < 4; ++e) s[n][e] =
            ptx::exp2_approximate(ptx::product_less(s[n][e], c, shift[e / 2]));
        DRA_UNROLLED for (int n = 0; n < N; ++n) DRA_UNROLLED for (int i = 0; i < 2; ++i) sum[i] +=
            s[n][2 * i] + s[n][2 * i + 1];
    }

    /// Divides the outputs after the last tile, and gives lse[i] of row i.
    template <int DN> __device__ __forceinline__ void finish(float scale, float (&o)[DN][4], float (&lse)[2]) {
        DRA_UNROLLED for (int i = 0; i < 2; ++i) {
            const float total = across_row(sum[i], [](float x, float y) { return x + y; });
            const float inverse = 1 / total;
            DRA_UNROLLED for (int n = 0; n < DN; ++n) {
                o[n][2 * i] *= inverse;
                o[n][2 * i + 1] *= inverse;
            }
            lse[i] = maximum[i] * fabsf(scale) + __logf(total);
        }
    }
};

} // namespace dra::cuda::DRA_TARGET
