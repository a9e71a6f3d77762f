#pragma once
/// \file
/// What a program must be compiled like to use the library: one that is compiled otherwise is refused here, by name.
///
/// A matrix may be allocated by the program and freed by the library, and of an inline function, all of Eigen's among
/// them, the linker keeps one copy for both. So both sides must agree on how Eigen allocates, on the layout of types,
/// and on what arithmetic means: -inf is a value (the lse of a row that sees no key), a NaN stays a NaN, sums are added
/// up in the order that is written. docs/compiling.md has what each flag did to the results, and those that may differ.
///
/// Two things no header can see. clang has no macro for the parts of -ffast-math but -ffinite-math-only. And a program
/// that is only linked with -ffast-math takes subnormal numbers for zero (crtfastmath.o).

#include <cstddef>

#if defined __FAST_MATH__ || __FINITE_MATH_ONLY__
#error "dra: compile without -Ofast, -ffast-math and -ffinite-math-only: -inf and NaN are values here"
#elif defined __GCC_IEC_559 && !__GCC_IEC_559
#error "dra: compile without -funsafe-math-optimizations, its parts and -fsingle-precision-constant: rounding matters"
#elif defined __FLT_EVAL_METHOD__ && __FLT_EVAL_METHOD__ != 0
#error "dra: compile without -mfpmath=387: a float is computed as a float, a double as a double"
#endif

#ifdef _GLIBCXX_DEBUG
#error "dra: compile without _GLIBCXX_DEBUG: it changes the layout of containers; _GLIBCXX_ASSERTIONS does not"
#elif defined _GLIBCXX_USE_CXX11_ABI && !_GLIBCXX_USE_CXX11_ABI
#error "dra: compile with _GLIBCXX_USE_CXX11_ABI=1: it changes the layout of strings"
#endif

#include <Eigen/Core>

#include <type_traits>
#include <utility>

static_assert(EIGEN_MAX_ALIGN_BYTES == 64 && EIGEN_MAX_STATIC_ALIGN_BYTES == 64 && EIGEN_DEFAULT_ALIGN_BYTES == 64,
              "dra: compile every file with EIGEN_MAX_ALIGN_BYTES=64 and EIGEN_MAX_STATIC_ALIGN_BYTES=64, as CMake's "
              "target dra::reference says: memory is freed as it was allocated");
static_assert(EIGEN_MALLOC_ALREADY_ALIGNED == 0,
              "dra: compile without EIGEN_MALLOC_ALREADY_ALIGNED: memory is freed as it was allocated");
static_assert(std::is_same_v<Eigen::Index, std::ptrdiff_t>,
              "dra: compile without EIGEN_DEFAULT_DENSE_INDEX_TYPE: it changes the layout of matrices");
static_assert(sizeof(std::pair<char, double>) == 2 * sizeof(double),
              "dra: compile without -fpack-struct: it changes the layout of every type");
