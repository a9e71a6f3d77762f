#pragma once
/// \file
/// Device mathematics. Results are this CPU's, rounded correctly or nearly so: the error of the GPU's approximations is
/// not emulated.

#include <bit>
#include <cmath>

namespace dra::simt {

using std::fmaxf; // like CUDA's: the operand that is a number, if one is NaN
using std::fminf;

inline float __logf(float x) { return std::log(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }

} // namespace dra::simt
