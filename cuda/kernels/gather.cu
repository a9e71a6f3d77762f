/// \file
/// Rows gathered by an index list, and scattered back: what the rungs of fix 2 did before dilation was a stride. No step of
/// the ladder needs it.

#include "cuda/kernels/launch_step.hpp"

#include "cuda/kernels/ladder.hpp"

namespace dra::cuda::DRA_TARGET {
namespace {

/// Both directions: a block copies position `blockIdx.x` of batch `blockIdx.y`, all heads and channels.
template <class T, bool to_tensor> __global__ void __launch_bounds__(256)
    move_rows(T* tensor, T* gathered, const int* positions, int rows, int tokens, int elements) {
    const int position = load(positions + blockIdx.x);
    if (position < 0) return;
    T* in_tensor = tensor + (static_cast<long long>(blockIdx.y) * tokens + position) * elements;
    T* packed = gathered + (static_cast<long long>(blockIdx.y) * rows + blockIdx.x) * elements;
    for (int i = static_cast<int>(threadIdx.x); i < elements; i += static_cast<int>(blockDim.x)) {
        if constexpr (to_tensor)
            store(in_tensor + i, load(static_cast<const T*>(packed) + i));
        else
            store(packed + i, load(static_cast<const T*>(in_tensor) + i));
    }
}

template <bool to_tensor> cudaError_t move(void* tensor, void* gathered, const int* positions, int rows, Type type,
                                           int batch, int tokens, int heads, int head_dim, cudaStream_t stream) {
    if (rows == 0) return cudaSuccess;
    return with_element(type, [&]<class T>(Element<T>) {
        return launch(move_rows<T, to_tensor>, dim3(static_cast<unsigned>(rows), static_cast<unsigned>(batch)), 256, 0,
                      stream, static_cast<T*>(tensor), static_cast<T*>(gathered), positions, rows, tokens,
                      heads * head_dim);
    });
}

} // namespace

cudaError_t gather_rows(void* gathered, const void* tensor, const int* positions, int rows, Type type, int batch,
                        int tokens, int heads, int head_dim, cudaStream_t stream) {
    return move<false>(const_cast<void*>(tensor), gathered, positions, rows, type, batch, tokens, heads, head_dim,
                       stream);
}

cudaError_t scatter_rows(void* tensor, const void* gathered, const int* positions, int rows, Type type, int batch,
                         int tokens, int heads, int head_dim, cudaStream_t stream) {
    return move<true>(tensor, const_cast<void*>(gathered), positions, rows, type, batch, tokens, heads, head_dim,
                      stream);
}

} // namespace dra::cuda::DRA_TARGET
