#pragma once
/// \file
/// What nvcc must be told and g++ need not.

#ifdef __CUDACC__
/// Before a loop whose index walks an array in registers. Registers have no addresses, so the loop must be unrolled, or
/// the array goes to local memory ("stack frame" in the compiler's report).
#define DRA_UNROLLED _Pragma("unroll")
#define DRA_UNROLLED_TWICE _Pragma("unroll 2")
/// Makes nvcc forget how it came by the integer variable x: what is derived from x afterwards is computed again, instead
/// of being kept in registers since it was computed before.
#define DRA_FORGET(x) asm volatile("" : "+r"(x))
#else
#define DRA_UNROLLED
#define DRA_UNROLLED_TWICE
#define DRA_FORGET(x) static_cast<void>(x)
#endif
