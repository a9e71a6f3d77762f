#pragma once
/// \file
/// What nvcc must be told and g++ need not.

#ifdef __CUDACC__
/// Before a loop whose index walks an array in registers. Registers have no addresses, so the loop must be unrolled, or
/// the array goes to local memory ("stack frame" in the compiler's report).
#define DRA_UNROLLED _Pragma("unroll")
#define DRA_UNROLLED_TWICE _Pragma("unroll 2")
/// Before a loop of a role that has few registers.
#define DRA_ROLLED _Pragma("unroll 1")
#else
#define DRA_UNROLLED
#define DRA_UNROLLED_TWICE
#define DRA_ROLLED
#endif
