#pragma once
/// \file
/// launch(): what kernel<<<grid, block, shared, stream>>>(arguments...) is in CUDA C++.

#include "cuda/simt/emulator/cuda_api.hpp"
#include "cuda/simt/emulator/vector_types.hpp"

#include <functional>
#include <tuple>

namespace dra::simt {

namespace machine {
/// Queues `thread`, which every CUDA thread of the grid will call.
cudaError_t queue_kernel(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                         std::function<void()> thread);
} // namespace machine

/// Queues a kernel on a stream; arguments are copied now.
template <class... P, class... A> cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block,
                                                     std::size_t shared_bytes, cudaStream_t stream,
                                                     const A&... arguments) {
    return machine::queue_kernel(grid, block, shared_bytes, stream,
                                 [kernel, values = std::tuple<P...>(arguments...)] { std::apply(kernel, values); });
}

/// Queues a kernel that a GPU may begin, where `early`, before the launch before it has ended; the kernel itself waits
/// for that.
template <class... P, class... A> cudaError_t launch_early(bool, void (*kernel)(P...), dim3 grid, dim3 block,
                                                           std::size_t shared_bytes, cudaStream_t stream,
                                                           const A&... arguments) {
    return launch(kernel, grid, block, shared_bytes, stream, arguments...);
}

} // namespace dra::simt
