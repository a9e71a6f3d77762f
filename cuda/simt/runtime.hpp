#pragma once
/// \file
/// The one header that host code includes: the CUDA runtime, launch(), and tensor maps.

#include "cuda/simt/target.hpp"

#ifdef __CUDACC__
#include "cuda/simt/silicon/runtime.hpp"
#else
#include "cuda/simt/emulator/runtime.hpp"
#endif
