#pragma once
/// \file
/// Which of the two targets this translation unit is compiled for.
///
///     nvcc    namespace dra::cuda::silicon     a GPU
///     g++     namespace dra::cuda::emulated    this CPU, on which every CUDA thread is a fiber
///
/// Kernels and their host code are written in `namespace dra::cuda::DRA_TARGET`, so that both builds of one source can
/// be linked into one program. The emulator gives the CUDA names in namespace dra::simt, never in the global one, where
/// they would meet libcudart's.

#ifdef __CUDACC__
#define DRA_TARGET silicon
#else
#define DRA_TARGET emulated

namespace dra::simt::ptx {}
namespace dra::cuda::emulated {
using namespace dra::simt;
namespace ptx {
using namespace dra::simt::ptx;
}
} // namespace dra::cuda::emulated
#endif
