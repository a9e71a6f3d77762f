#pragma once
/// \file
/// Loops whose every index is a register: an array in registers has no address, so nvcc must unroll what walks it, or
/// the array goes to local memory ("stack frame" in the compiler's report).

#ifdef __CUDACC__
#define DRA_UNROLLED _Pragma("unroll")
#else
#define DRA_UNROLLED
#endif
