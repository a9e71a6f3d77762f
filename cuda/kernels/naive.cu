/// \file
/// Kernel 1, naive: the definition, one thread per query row.
///
/// Teaches: what is computed, and what a GPU is asked for when it is computed so. Scores are not kept (N^2 of them
/// would not fit): they are computed once for the maximum, and once more for every 32 channels of out, since a thread
/// cannot hold D sums in registers. Neighbouring threads read rows of q that are r H D elements apart, so a warp's load
/// of one channel touches 32 sectors; only the loads of k and v, the same for all threads, are cheap.
///
/// Measured on an H100, bf16, 1,024 tokens: 0.2 TFLOP/s (D = 128), 0.3 (D = 64). Takes every type, any D up to 256.

#include "cuda/kernels/kernels.hpp"
#include "cuda/kernels/launch_kernel.hpp"

#include <cfloat>
#include <cmath>

namespace dra::cuda::DRA_TARGET {
namespace {

/// The sizes of a block: one thread per row.
struct Naive {
    static constexpr int rows = 128, threads = 128;
    static constexpr std::size_t shared_bytes = 0;
};
constexpr int channels_at_once = 32;

/// The score of (row i, key j) in powers of two: scale log2(e) q_i . k_j.
template <class T> __device__ float naive_score(const View<T>& view, int i, int j, float scale_log2) {
    float dot = 0;
    for (int d = 0; d < view.head_dim; ++d) dot += to_float(load(view.q[i] + d)) * to_float(load(view.k[j] + d));
    return dot * scale_log2;
}

template <class T> __global__ void __launch_bounds__(128)
    attend_naive(Parameters parameters, TileSchedule schedule, Output output) {
    const WorkTile work = work_tile(schedule, parameters, static_cast<int>(blockIdx.x));
    const View<T> view = View<T>::of(parameters, work);
    const int row = work.tile * Naive::rows + static_cast<int>(threadIdx.x);
    if (row >= view.rows) return;

    constexpr float log2_e = 1.4426950408889634f, ln_2 = 0.6931471805599453f;
    const float scale_log2 = parameters.softmax_scale * log2_e;
    const int extent = view.extent(row);
    count_pairs(static_cast<unsigned long long>(extent));

    float maximum = -INFINITY;
    for (int key = 0; key < extent; ++key) maximum = fmaxf(maximum, naive_score(view, row, key, scale_log2));

    for (int first = 0; first < view.head_dim; first += channels_at_once) {
        float sum = 0, o[channels_at_once] = {};
        for (int key = 0; key < extent; ++key) {
            const float weight = ptx::exp2_approximate(naive_score(view, row, key, scale_log2) - maximum);
            sum += weight;
            DRA_UNROLLED for (int d = 0; d < channels_at_once; ++d) if (first + d < view.head_dim) o[d] +=
                weight * to_float(load(view.v[key] + first + d));
        }
        DRA_UNROLLED for (int d = 0; d < channels_at_once; ++d) if (first + d < view.head_dim)
            store_element<T>(output, view.q_at + row * view.q.stride + first + d, o[d] / sum);
        if (first == 0) store(view.lse + static_cast<long long>(row) * view.lse_stride, maximum * ln_2 + __logf(sum));
    }
}

} // namespace

cudaError_t run_naive(const Launch& launched) {
    return with_element(launched.type,
                        [&]<class T>(Element<T>) { return launch_kernel<Naive>(attend_naive<T>, launched); });
}

} // namespace dra::cuda::DRA_TARGET
