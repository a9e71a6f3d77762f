#pragma once
/// \file
/// The words that CUDA adds to C++, most of which mean nothing on a CPU.

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

/// The block's dynamic shared memory, on the 1024-byte boundary that the 128-byte swizzle needs. There is no static
/// __shared__: it could not be poisoned.
#define DRA_SHARED_MEMORY(name) unsigned char* name = ::dra::simt::dynamic_shared_memory()

namespace dra::simt {

unsigned char* dynamic_shared_memory();

} // namespace dra::simt
