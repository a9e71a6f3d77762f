#pragma once
/// \file
/// The end of a tile of a mixture's last pattern: the other patterns' partials are merged into a row before it is
/// stored.
///
/// The last pattern selects every row (dilation_rate = 1), so a row's other parts are those of the patterns that an
/// earlier launch computed, and which of them select the row is arithmetic. So a partial's lse and out are asked for at
/// once, and read once:
///
///     m = max(lse, lse_p),   sum = e^(lse - m) + e^(lse_p - m),   out = (e^(lse - m) out + e^(lse_p - m) out_p) / sum
///
/// A tile that is done again merges again, from partials that nobody has changed.

#include "cuda/kernels/partial_rows.hpp"
#include "cuda/kernels/view.hpp"

namespace dra::cuda::DRA_TARGET {

/// Results in the type of q, with the partials of tasks 1 to tasks.merged - 1 merged into them.
struct MergedInType : InType {
    /// The only task with tickets.
    static __device__ __forceinline__ int task(const int4*) { return 0; }

    template <class T, class P> static __device__ __forceinline__ void
    finish(WarpgroupRows<T, P>& rows, unsigned lse_of_view, const RowPlace (&place)[2], RowEnd (&end)[2]) {
        constexpr int rows_at_once = P::D == 64 ? 2 : 1; // rows of the lane's two; there are no registers for more
        const Parameters& common = rows.parameters;
        const unsigned tokens = static_cast<unsigned>(ptx::opaque(common.tokens)), view = lse_of_view / tokens;
        const int first_token = static_cast<int>(lse_of_view - view * tokens);
        const int kv_head =
            static_cast<int>(view) % ptx::opaque(common.heads) / ptx::opaque(common.query_heads_per_kv_head());
        ptx::await_earlier_launch();
        DRA_ROLLED for (int task = 1; task < rows.tasks.merged; ++task) {
            const Parameters& partial = rows.tasks.at(task).parameters;
            const int phase = phase_of(partial, kv_head);
            DRA_UNROLLED for (int first = 0; first < 2; first += rows_at_once) {
                float lse[rows_at_once];
                float4 x[rows_at_once][P::D / 16];
                DRA_UNROLLED for (int j = 0; j < rows_at_once; ++j) {
                    const RowPlace& row = place[first + j];
                    const bool selects = row.there && selecting_phase(partial, first_token + row.row) == phase;
                    const float* const from = partial_of_lane(partial, row);
                    lse[j] = -INFINITY;
                    ptx::load_if(selects, partial.lse + row.lse, lse[j]);
                    DRA_UNROLLED for (int n = 0; n < P::D / 16; ++n) {
                        x[j][n] = make_float4(0, 0, 0, 0);
                        ptx::load_if(selects && 16 * n < partial.head_dim,
                                     reinterpret_cast<const float4*>(from + 16 * n), x[j][n]);
                    }
                }
                DRA_UNROLLED for (int j = 0; j < rows_at_once; ++j)
                    merge(rows, first + j, end[first + j], lse[j], x[j]);
            }
        }
    }

private:
    /// Merges a partial's row, (x, lse), into row i of the lane, whose end is `own`.
    template <class T, class P> static __device__ __forceinline__ void
    merge(WarpgroupRows<T, P>& rows, int i, RowEnd& own, float lse, const float4 (&x)[P::D / 16]) {
        constexpr float log2_e = 1.4426950408889634f;
        const float highest = fmaxf(own.lse, lse), of_own = ptx::exp2_approximate((own.lse - highest) * log2_e),
                    of_other = ptx::exp2_approximate((lse - highest) * log2_e), sum = of_own + of_other;
        const float inverse = ptx::reciprocal_approximate(sum), factor = of_own * inverse * own.factor,
                    other_factor = of_other * inverse;
        const auto mix = [&](float& o, float other) { o = o * factor + other * other_factor; };
        DRA_UNROLLED for (int n = 0; n < P::D / 16; ++n) {
            mix(rows.o[2 * n][2 * i], x[n].x);
            mix(rows.o[2 * n][2 * i + 1], x[n].y);
            mix(rows.o[2 * n + 1][2 * i], x[n].z);
            mix(rows.o[2 * n + 1][2 * i + 1], x[n].w);
        }
        own = {1, highest + __logf(sum)};
    }
};

} // namespace dra::cuda::DRA_TARGET
