#pragma once
/// \file
/// What nvcc must be told and g++ need not.

#ifdef __CUDACC__
/// Before a loop whose index walks an array in registers. Registers have no addresses, so the loop must be unrolled, or
/// the array goes to local memory ("stack frame" in the compiler's report).
#define DRA_UNROLLED _Pragma("unroll")
#define DRA_UNROLLED_TWICE _Pragma("unroll 2")
#else
#define DRA_UNROLLED
#define DRA_UNROLLED_TWICE
#endif
