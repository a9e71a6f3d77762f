/// \file
/// Kernel 2, tiled: keys and values pass through shared memory in tiles; the softmax is online.
///
/// Teaches: shared memory, so that what is read once from global memory is used by 32 query rows; one register block (4
/// rows by 2 keys, 4 rows by D / 16 channels) per thread, so that what is read once from shared memory is used several
/// times; and the online softmax, which needs no second pass over the keys, and gives lse for free.
///
/// A block has 32 query rows and 128 threads: thread (y, x) of 8 x 16 has rows 4 y .. 4 y + 3, keys x and x + 16 of a
/// tile, channels x, x + 16, ... The 16 threads of a row are neighbours in a warp. Rows of Q and K have a pad of one
/// float, so that 16 keys at one channel lie in 16 banks.
///
/// Measured on an H100, bf16, 8k tokens: 19 TFLOP/s (D = 128 and 64, causal 19 and 20). Takes every type, any D up to
/// 256; all arithmetic is float.

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch_kernel.hpp"
#include "cuda/kernels/shard_view.hpp"

#include <cmath>

namespace dra::cuda::DRA_TARGET {
namespace {

/// The sizes of a block. D is the largest head dimension of this instance; channels past the view's own are zero.
template <int D> struct Tiled {
    static constexpr int rows = 32, keys = 32, threads = 128, across = 16, rows_per_thread = 4;
    static constexpr int pad = D + 1;
    static constexpr int q_floats = rows * pad, k_floats = keys * pad, v_floats = keys * D,
                         p_floats = rows * (keys + 1);
    static constexpr std::size_t shared_bytes = sizeof(float) * (q_floats + k_floats + v_floats + p_floats);
};

/// Copies rows [first_row, first_row + 32) to shared memory, `apart` floats from row to row, zero past `rows` and
/// head_dim.
template <int D, class T>
__device__ void load_tile(float* tile, int apart, const Rows<const T>& from, int first_row, int rows, int head_dim) {
    for (int i = static_cast<int>(threadIdx.x); i < Tiled<D>::rows * D; i += Tiled<D>::threads) {
        const int row = i / D, d = i % D;
        const bool in = first_row + row < rows && d < head_dim;
        shared_store(tile + row * apart + d, in ? to_float(load(from[first_row + row] + d)) : 0.0f);
    }
}

/// The sum or maximum (f) over the 16 threads of a row.
template <class F> __device__ __forceinline__ float across_threads(float x, F f) {
    DRA_UNROLLED for (int apart = 1; apart < 16; apart *= 2) x = f(x, __shfl_xor_sync(~0u, x, apart));
    return x;
}

template <class T, int D, template <class> class ViewOf> __global__ void __launch_bounds__(128)
    attend_tiled(Parameters parameters, TileSchedule schedule, Output output) {
    using Shape = Tiled<D>;
    constexpr int M = Shape::rows_per_thread, columns = D / Shape::across;
    const WorkTile work = work_tile(schedule, parameters, static_cast<int>(blockIdx.x));
    const ViewOf<T> view = ViewOf<T>::of(parameters, work);
    const int first_row = view.first_row + work.tile * Shape::rows;
    if (first_row >= view.rows) return;

    DRA_SHARED_MEMORY(memory);
    float* const Q = reinterpret_cast<float*>(memory); // (32, D), padded
    float* const K = Q + Shape::q_floats;              // (32, D), padded
    float* const V = K + Shape::k_floats;              // (32, D)
    float* const P = V + Shape::v_floats;              // (32, 32), padded
    const int x = static_cast<int>(threadIdx.x) % Shape::across, y = static_cast<int>(threadIdx.x) / Shape::across;

    constexpr float log2_e = 1.4426950408889634f, ln_2 = 0.6931471805599453f;
    const float scale_log2 = parameters.softmax_scale * log2_e;
    float maximum[M], sum[M], o[M][columns];
    DRA_UNROLLED for (int m = 0; m < M; ++m) {
        maximum[m] = -INFINITY;
        sum[m] = 0;
        DRA_UNROLLED for (int c = 0; c < columns; ++c) o[m][c] = 0;
    }

    load_tile<D>(Q, Shape::pad, view.q, first_row, view.rows, view.head_dim);
    const int visible_keys = view.extent_of_tile(first_row, Shape::rows);
    for (int first_key = 0; first_key < visible_keys; first_key += Shape::keys) {
        __syncthreads(); // everybody is done with the tile before
        load_tile<D>(K, Shape::pad, view.k, first_key, view.keys(), view.head_dim);
        load_tile<D>(V, D, view.v, first_key, view.keys(), view.head_dim);
        __syncthreads();
        if (threadIdx.x < 32) count_visible<Shape::rows, Shape::keys>(view, first_row, first_key);

        float s[M][2] = {};                                          // (4 rows, keys x and x + 16)
        DRA_UNROLLED_TWICE for (int d = 0; d < view.head_dim; ++d) { // by four, nvcc 13.0 spills
            const float k0 = shared_load(K + x * Shape::pad + d), k1 = shared_load(K + (x + 16) * Shape::pad + d);
            DRA_UNROLLED for (int m = 0; m < M; ++m) {
                const float q = shared_load(Q + (M * y + m) * Shape::pad + d);
                s[m][0] += q * k0;
                s[m][1] += q * k1;
            }
        }
        int seen[M]; // keys of this tile that the row sees: the first so many
        DRA_UNROLLED for (int m = 0; m < M; ++m) {
            seen[m] = view.extent(first_row + M * y + m) - first_key;
            const float s0 = x < seen[m] ? s[m][0] * scale_log2 : -INFINITY;
            const float s1 = x + 16 < seen[m] ? s[m][1] * scale_log2 : -INFINITY;
            const float highest =
                across_threads(fmaxf(maximum[m], fmaxf(s0, s1)), [](float a, float b) { return fmaxf(a, b); });
            const float alpha = ptx::exp2_approximate(maximum[m] - highest); // key 0 is visible: never inf - inf
            const float p0 = ptx::exp2_approximate(s0 - highest), p1 = ptx::exp2_approximate(s1 - highest);
            maximum[m] = highest;
            sum[m] = sum[m] * alpha + p0 + p1;
            DRA_UNROLLED for (int c = 0; c < columns; ++c) o[m][c] *= alpha;
            shared_store(P + (M * y + m) * (Shape::keys + 1) + x, p0);
            shared_store(P + (M * y + m) * (Shape::keys + 1) + x + 16, p1);
        }
        __syncwarp(); // a row's weights are written and read by the same warp
        const int seen_by_any = seen[M - 1] < Shape::keys ? seen[M - 1] : Shape::keys;
        for (int key = 0; key < seen_by_any; ++key) {
            float p[M];
            DRA_UNROLLED for (int m = 0; m < M; ++m) p[m] = shared_load(P + (M * y + m) * (Shape::keys + 1) + key);
            DRA_UNROLLED for (int c = 0; c < columns; ++c) {
                const float v = shared_load(V + key * D + x + c * Shape::across);
                DRA_UNROLLED for (int m = 0; m < M; ++m) if (key < seen[m]) o[m][c] += p[m] * v; // 0 * NaN is NaN
            }
        }
    }

    DRA_UNROLLED for (int m = 0; m < M; ++m) {
        const int row = first_row + M * y + m;
        const float total = across_threads(sum[m], [](float a, float b) { return a + b; }), inverse = 1 / total;
        if (row >= view.rows) continue;
        DRA_UNROLLED for (int c = 0; c < columns; ++c) {
            const int d = x + c * Shape::across;
            if (d < view.head_dim) store_element<T>(output, view.q_at + row * view.q.stride + d, o[m][c] * inverse);
        }
        if (x == 0) store(view.lse + static_cast<long long>(row) * view.lse_stride, maximum[m] * ln_2 + __logf(total));
    }
}

} // namespace

cudaError_t run_tiled(const Launch& launched) {
    return with_element(launched.type, [&]<class T>(Element<T>) {
        return with_head_dim<64, 128, 256>(launched.parameters.head_dim, [&](auto D) {
            return launch_kernel<Tiled<D>>(
                launched.parameters.two_views() ? attend_tiled<T, D, ShardView> : attend_tiled<T, D, View>, launched);
        });
    });
}

} // namespace dra::cuda::DRA_TARGET
