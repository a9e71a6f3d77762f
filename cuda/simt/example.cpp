/// \file
/// The emulator in a page: a kernel that is right, the same kernel with a barrier forgotten, and one that goes astray.

#include "cuda/simt/device.hpp"
#include "cuda/simt/runtime.hpp"

#include <cstdio>

namespace dra::cuda::DRA_TARGET {
namespace {

/// Reverses every block's numbers through shared memory.
template <bool with_barrier> __global__ void reverse(const float* in, float* out) {
    DRA_SHARED_MEMORY(raw);
    auto* values = reinterpret_cast<float*>(raw);
    const unsigned me = threadIdx.x, first = blockIdx.x * blockDim.x;
    shared_store(values + me, load(in + first + me));
    if (with_barrier) __syncthreads();
    store(out + first + me, shared_load(values + blockDim.x - 1 - me));
}

/// A sum over the warp that only half of the warp takes part in.
__global__ void half_a_sum(float* out) {
    float x = 1;
    if (threadIdx.x < 16) x += __shfl_xor_sync(~0u, x, 1);
    x += __shfl_xor_sync(~0u, x, 2);
    store(out, x);
}

int play() {
    constexpr unsigned threads = 64, count = 256;
    float *in, *out;
    cudaMalloc(&in, count * sizeof(float));
    cudaMalloc(&out, count * sizeof(float));
    for (unsigned i = 0; i < count; ++i) in[i] = static_cast<float>(i); // the device's memory is this process's

    const auto show = [&](const char* what, auto kernel) {
        launch(kernel, dim3(count / threads), dim3(threads), threads * sizeof(float), nullptr,
               static_cast<const float*>(in), out);
        cudaDeviceSynchronize(); // nothing has run until here
        std::printf("%s: out[0] = %g, out[255] = %g\n", what, out[0], out[count - 1]);
    };
    config().seed = 7;
    show("with the barrier", reverse<true>);
    show("without", reverse<false>);
    try {
        launch(half_a_sum, dim3(1), dim3(32), 0, nullptr, out);
        cudaDeviceSynchronize();
    } catch (const Fault& fault) {
        std::printf("%s\n", fault.what());
    }
    std::printf("%llu sectors loaded for %llu requests\n", static_cast<unsigned long long>(counters().load_sectors),
                static_cast<unsigned long long>(counters().load_requests));
    cudaFree(in);
    cudaFree(out);
    return 0;
}

} // namespace
} // namespace dra::cuda::DRA_TARGET

int main() { return dra::cuda::DRA_TARGET::play(); }
